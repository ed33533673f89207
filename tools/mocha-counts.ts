/**
 * A mocha reporter: mocha's own `spec` output, then `N passed, N failed` as the last line, and the counts as JSON in
 * `.reports/<suite>.json` for `.ci/run` to add up. The suite's name comes from `--reporter-option suite=NAME`; where only
 * some files or tests are run nothing is harmed, as CI runs a suite whole.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

const { Spec } = Mocha.reporters;

/** What a suite came to; the shape of the files in `.reports`. */
interface Counts {
  readonly suite: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
}

class CountsReporter extends Spec {
  readonly #file: string;
  readonly #suite: string;

  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    this.#suite = String(options.reporterOptions?.suite ?? 'units');
    const folder = join(import.meta.dirname, '../.reports');
    mkdirSync(folder, { recursive: true });
    this.#file = join(folder, `${this.#suite}.json`);
    // A run that dies must not leave the counts of the last one.
    rmSync(this.#file, { force: true });
  }

  /** After the summary of `spec`, so that the counts come last. */
  override epilogue(): void {
    super.epilogue();
    const { passes, failures, pending, duration = 0 } = this.stats;
    const counts: Counts = {
      suite: this.#suite,
      passed: passes,
      failed: failures,
      skipped: pending,
      seconds: Math.round(duration / 100) / 10,
    };
    writeFileSync(this.#file, `${JSON.stringify(counts)}\n`);
    if (pending > 0) process.stdout.write(`${pending} skipped\n`);
    process.stdout.write(`${passes} passed, ${failures} failed\n`);
  }
}

// mocha takes a reporter with `require`, which gives it this one as the module itself.
export { CountsReporter as 'module.exports' };
