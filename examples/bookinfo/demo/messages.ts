import type { CallRecord } from './calls.ts';

/** What a service tells the demo. */
export type FromService =
  | { readonly type: 'ready' }
  | { readonly type: 'calls'; readonly calls: readonly CallRecord[] }
  /** Every call under an earlier tag has ended and was told. */
  | { readonly type: 'tagged'; readonly tag: string };

/** What the demo tells a service. */
export interface ToService {
  readonly type: 'tag';
  readonly tag: string;
}

/** A client of the control plane. */
export interface PlaneNode {
  readonly id: string;
  readonly userAgent: string;
  /** It has accepted the newest of everything that it subscribes to. */
  readonly settled: boolean;
  /** Why it refused the newest of something; null where it did not. */
  readonly nack: string | null;
}

/** What the control plane tells the demo after every event. */
export interface FromPlane {
  readonly type: 'state';
  /** How often what is served has changed. */
  readonly loads: number;
  /** Mistakes in the files of the feed. */
  readonly errors: readonly string[];
  readonly nodes: readonly PlaneNode[];
}
