import type { Phase } from './phases.ts';
import { phases } from './phases.ts';
import type { Audience, PhaseReport } from './report.ts';
import { claimLine } from './text.ts';

/** A line when something is done, and one for each claim. */
export class PlainView implements Audience {
  readonly #print: (line: string) => void;

  constructor(print: (line: string) => void) {
    this.#print = print;
  }

  begins({ title, does }: Phase, number: number): void {
    this.#print(`${number}/${phases.length} ${title}: ${does}`);
  }

  ends({ claims }: PhaseReport): void {
    for (const claim of claims) this.#print(`    ${claimLine(claim)}`);
  }
}
