import type { Shown } from './shown.ts';

/** A command's value; null where there is none. */
export type Piece = (shown: Shown) => string | null;

/** What is wrong with a format, in Envoy's words where it has some. */
export class FormatError extends Error {
  override readonly name: string = 'FormatError';
}
