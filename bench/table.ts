import { median, spread } from './arithmetic.ts';
import type { Metric, Report, Row } from './suite.ts';

/** A Markdown table per case: medians, and after each the median of the ratios to the baseline in the same round. */
export function tables(report: Report): string {
  const cases = [...new Set(report.rows.map((row) => row.case))];
  return cases.map((name) => table(name, report)).join('\n\n');
}

function table(name: string, { rows, metrics, baseline }: Report): string {
  const mine = rows.filter((row) => row.case === name);
  const shown = metrics.filter(({ key }) => mine.some((row) => key in row));
  const subjects = [...new Set(mine.map(({ subject }) => subject))].sort((a, b) => rank(a, mine) - rank(b, mine));
  const lines = subjects.map((subject) => [
    subject,
    ...shown.flatMap((metric) => cells(metric, subject, baseline, mine)),
  ]);
  const rounds = new Set(mine.map(({ round }) => round)).size;
  const head = [
    `${name} (${rounds} ${rounds === 1 ? 'round' : 'rounds'})`,
    ...shown.flatMap(({ label }) => [label, `× ${baseline}`]),
  ];
  return markdown([head, ...lines]);
}

function cells({ key, digits }: Metric, subject: string, baseline: string, rows: readonly Row[]): [string, string] {
  const values = byRound(rows, subject, key);
  if (values.size === 0) return ['', ''];
  const base = byRound(rows, baseline, key);
  const value = median([...values.values()]).toFixed(digits);
  if (subject === baseline || base.size === 0) return [value, subject === baseline ? '1' : ''];
  const ratios = [...values].map(([round, each]) => each / (base.get(round) ?? Number.NaN));
  // Of nothing there is no ratio.
  if (ratios.some(Number.isNaN)) return [value, ''];
  return [
    value,
    ratios.length === 1 ? median(ratios).toFixed(2) : `${median(ratios).toFixed(2)} ±${spread(ratios).toFixed(2)}`,
  ];
}

function byRound(rows: readonly Row[], subject: string, key: string): Map<number, number> {
  const found = rows.filter((row) => row.subject === subject && typeof row[key] === 'number');
  return new Map(found.map((row) => [row.round, row[key] as number]));
}

/** In the order in which the suite first names them, whatever the order of the first round was. */
function rank(subject: string, rows: readonly Row[]): number {
  return rows.findIndex((row) => row.subject === subject);
}

function markdown(lines: readonly (readonly string[])[]): string {
  const widths = (lines[0] ?? []).map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const text = lines.map(
    (line) =>
      `| ${line.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join(' | ')} |`,
  );
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [text[0], rule, ...text.slice(1)].join('\n');
}
