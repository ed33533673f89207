import { isMeshError } from '@inmesh/core';

/** What a decoder had to say: a MeshError's words without its code, anything else as the failure of the decoder that it is. */
export function reasonOf(error: unknown): string {
  if (isMeshError(error)) return error.message.replace(/^\[\w+\] /, '');
  return `it could not be decoded: ${error instanceof Error ? error.message : String(error)}`;
}

/** So many refusals are told in one NACK, because nobody reads ten thousand and servers log them all. */
const toldRefusals = 20;

/** The message of a NACK. */
export function joinReasons(reasons: readonly string[]): string {
  const told = reasons.slice(0, toldRefusals).join('; ');
  return reasons.length > toldRefusals ? `${told}; and ${reasons.length - toldRefusals} more` : told;
}
