import type { StringMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/string_pb';
import type { StringMatch } from '@inmesh/core';
import type { Decoding } from '../decoding.ts';
import { decodeString, UnsupportedMatcher } from '../matchers.ts';

/** Matchers of texts; those that this version does not have are noted. */
export function decodeStrings(
  decoding: Decoding,
  messages: readonly StringMatcher[],
  field: string,
  unsupported: string[],
): StringMatch[] {
  return messages.flatMap((message, index) => {
    try {
      return [decodeString(decoding, message, `${field}[${index}]`)];
    } catch (error) {
      if (!(error instanceof UnsupportedMatcher)) throw error;
      unsupported.push(error.field);
      return [];
    }
  });
}
