import type { HeaderMatcher } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { HeaderMatch } from '@inmesh/core';
import type { Decoding } from '../decoding.ts';
import { decodeHeader, UnsupportedMatcher } from '../matchers.ts';

/** Matchers of request headers; those that this version does not have are noted. */
export function decodeHeaders(
  decoding: Decoding,
  messages: readonly HeaderMatcher[],
  field: string,
  unsupported: string[],
): HeaderMatch[] {
  return messages.flatMap((message, index) => {
    try {
      return [decodeHeader(decoding, message, `${field}[${index}]`)];
    } catch (error) {
      if (!(error instanceof UnsupportedMatcher)) throw error;
      unsupported.push(error.field);
      return [];
    }
  });
}
