/** One measurement of one subject in one round. All suites have this shape; the figures are named by the suite's metrics. */
export interface Row {
  readonly suite: string;
  /** What was measured: a concurrency (`c30`), a rate (`open50`), a step (`import`). */
  readonly case: string;
  /** Who was measured. */
  readonly subject: string;
  /** From 1; rows of one round were measured directly after one another, in shuffled order. */
  readonly round: number;
  readonly [metric: string]: string | number;
}

/** A column of the table. */
export interface Metric {
  readonly key: string;
  readonly label: string;
  readonly digits: number;
}

/** What a run found out. */
export interface Report {
  readonly rows: readonly Row[];
  readonly metrics: readonly Metric[];
  /** The subject that the others are compared with, round by round. */
  readonly baseline: string;
  /** Subjects that could not be measured here, and why. */
  readonly skipped: readonly { readonly subject: string; readonly reason: string }[];
  /** What was checked before or found along the way. */
  readonly notes: readonly string[];
}

export interface SuiteOptions {
  /** Default: the suite's own. */
  readonly rounds: number | null;
  /** Seconds that a subject is measured in each round. Default: the suite's own. */
  readonly seconds: number | null;
  /** Of the suite's sizes, where it has such, for a run that is only to show that all works. Default 1. */
  readonly scale: number | null;
  /** Open loop too, where the suite has it. */
  readonly open: boolean;
  /** Subjects to measure; null for all. The baseline is always measured. */
  readonly only: readonly string[] | null;
  /** Hears what is going on. */
  readonly progress: (text: string) => void;
}

export type Suite = (options: SuiteOptions) => Promise<Report>;
