import { stripVTControlCharacters, styleText } from 'node:util';
import type { Claim } from './claims.ts';
import type { Figures } from './ledger.ts';

export type Align = 'left' | 'right';

/** Columns as wide as their widest cell; cells may be coloured. */
export function table(rows: readonly (readonly string[])[], aligns: readonly Align[]): string[] {
  const widths = aligns.map((_, column) => Math.max(...rows.map((row) => width(row[column] ?? ''))));
  return rows.map((row) =>
    aligns
      .map((align, column) => {
        const cell = row[column] ?? '';
        const gap = ' '.repeat((widths[column] as number) - width(cell));
        return align === 'left' ? cell + gap : gap + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}

function width(text: string): number {
  return stripVTControlCharacters(text).length;
}

export function milliseconds(ms: number | null): string {
  return ms === null ? '–' : `${ms.toFixed(1)} ms`;
}

/** Of all calls, also those that broke off. */
export function successRate({ calls, ok }: Figures): string {
  if (calls === 0) return '–';
  // Never rounded up to a hundred.
  return ok === calls ? '100 %' : `${(Math.floor((ok * 10_000) / calls) / 100).toFixed(2)} %`;
}

export function claimLine({ held, text, detail }: Claim): string {
  return `${held ? styleText('green', '✓') : styleText('red', '✗')} ${text} ${styleText('dim', `(${detail})`)}`;
}
