import { styleText } from 'node:util';
import { createLogUpdate } from 'log-update';
import type { CallRecord } from './calls.ts';
import { ENVOY_NODE } from './envoy.ts';
import { figures } from './ledger.ts';
import { type Phase, phases } from './phases.ts';
import type { Audience, PhaseReport } from './report.ts';
import type { Stage } from './stage.ts';
import { type Align, claimLine, milliseconds, successRate, table } from './text.ts';

/** Milliseconds between two pictures, and that a picture looks back: short enough to see a change, long enough for a p99. */
const PICTURE_MS = 250;
const WINDOW_MS = 2_000;
/** Calls per second that fill a cell of the bar. */
const PER_CELL = 10;

/** One picture, drawn again four times a second: what is being done, what held so far, and the traffic of the last two seconds. */
export class LiveView implements Audience {
  readonly #stage: Stage;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  readonly #reports: PhaseReport[] = [];
  #phase: Phase | null = null;

  constructor(stage: Stage, output: NodeJS.WriteStream) {
    this.#stage = stage;
    this.#draw = createLogUpdate(output);
    this.#timer = setInterval(() => this.#draw(this.#picture()), PICTURE_MS);
  }

  begins(phase: Phase): void {
    this.#phase = phase;
  }

  ends(report: PhaseReport): void {
    this.#reports.push(report);
  }

  /** Leaves the terminal to whoever writes next; the cursor is shown again. */
  close(): void {
    clearInterval(this.#timer);
    this.#draw.clear();
    this.#draw.done();
  }

  #picture(): string {
    const recent = this.#stage.ledger.recent(WINDOW_MS);
    const mesh = recent.filter(({ caller }) => caller !== ENVOY_NODE);
    const head: Align[] = ['left', 'right', 'right', 'right', 'right', 'left'];
    const names = ['', 'calls/s', 'success', 'p50', 'p99', ''].map((name) => styleText('dim', name));
    return [
      `${styleText('bold', 'inmesh · Bookinfo')}  ${this.#progress()}`,
      '',
      ...this.#narration(),
      '',
      ...table([names, ...this.#rows(mesh), ...this.#envoyRow(recent)], head),
      '',
      this.#planeLine(),
    ].join('\n');
  }

  #progress(): string {
    return phases
      .map((phase) => {
        const report = this.#reports.find((each) => each.phase === phase);
        if (report === undefined) return phase === this.#phase ? styleText('cyan', '▶') : styleText('dim', '·');
        return report.claims.every(({ held }) => held) ? styleText('green', '✓') : styleText('red', '✗');
      })
      .join(' ');
  }

  #narration(): string[] {
    const lines: string[] = [];
    if (this.#phase !== null) {
      lines.push(`${styleText(['cyan', 'bold'], this.#phase.title)}: ${this.#phase.does}`);
      lines.push(styleText('dim', `  ${this.#phase.shows}`));
    }
    const last = this.#reports.at(-1);
    if (last !== undefined) lines.push(...result(last));
    return lines;
  }

  #rows(calls: readonly CallRecord[]): string[][] {
    const rows: string[][] = [];
    for (const [cluster, instances] of Map.groupBy(this.#stage.feed.instances, (instance) => instance.cluster)) {
      // One endpoint is its cluster: a second row would say the same.
      if (instances.length > 1) {
        rows.push(
          row(
            styleText('bold', cluster),
            calls.filter((call) => call.cluster === cluster),
          ),
        );
      }
      for (const { name } of instances) {
        const own = calls.filter(({ endpoint }) => endpoint === name);
        rows.push(row(instances.length > 1 ? `  ${name}` : styleText('bold', name), own));
      }
    }
    return rows;
  }

  #envoyRow(recent: readonly CallRecord[]): string[][] {
    const name = styleText('magenta', 'Envoy → reviews');
    if (!this.#stage.hasEnvoy) return [[name, styleText('dim', 'not installed')]];
    return [
      row(
        name,
        recent.filter(({ caller }) => caller === ENVOY_NODE),
      ),
    ];
  }

  #planeLine(): string {
    const { plane } = this.#stage;
    if (!plane.running) return `control plane: ${styleText('red', 'down')}`;
    const clients = plane.nodes.map(({ id }) => id).sort();
    return `control plane: ${styleText('green', 'up')}, ${clients.length} clients: ${clients.join(', ')}`;
  }
}

/** One line where all held: the picture must fit a terminal of 24 lines. */
function result({ phase, claims }: PhaseReport): string[] {
  const missed = claims.filter(({ held }) => !held);
  if (missed.length > 0) return missed.map((claim) => `${phase.title}: ${claimLine(claim)}`);
  const counts = claims.map(({ text }) => text).join(', ');
  return [`${styleText('green', '✓')} ${phase.title} ${styleText('dim', `(${counts})`)}`];
}

function row(name: string, calls: readonly CallRecord[]): string[] {
  const found = figures(calls);
  const perSecond = (found.calls * 1_000) / WINDOW_MS;
  const rate = successRate(found);
  return [
    name,
    perSecond.toFixed(0),
    found.ok === found.calls ? rate : styleText('red', rate),
    milliseconds(found.p50),
    milliseconds(found.p99),
    styleText('cyan', '█'.repeat(Math.min(20, Math.ceil(perSecond / PER_CELL)))),
  ];
}
