import type { StringMatcher } from '@inmesh/api/gen/envoy/type/matcher/v3/string_pb';
import { type Decoding, Refusal, requireRegex } from '../decoding.ts';

/** gRFC A63: a text that all texts start, end or go on with is a mistake. */
export function requireStringMatcher(decoding: Decoding, { matchPattern }: StringMatcher, field: string): void {
  switch (matchPattern.case) {
    case 'exact':
      return;
    case 'safeRegex':
      requireRegex(decoding, matchPattern.value.regex, `${field}.safe_regex.regex`);
      return;
    case 'prefix':
    case 'suffix':
    case 'contains':
      if (matchPattern.value === '') throw new Refusal(`${field}.${matchPattern.case}`, 'is empty');
      return;
    default:
      throw new Refusal(field, 'has no pattern that gRPC knows');
  }
}
