import type { DynamicMetadata } from '../call.ts';
import type { MetadataMatch, ValueMatch } from '../model/matcher.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileString } from './string-match.ts';

/** envoy.type.matcher.v3.MetadataMatcher */
export function compileMetadata(
  { filter, path, value, invert }: MetadataMatch,
  engine: RegexEngine,
): (metadata: DynamicMetadata | null) => boolean {
  const matches = compileValue(value, engine);
  return (metadata) => matches(metadataValue(metadata, filter, path)) !== invert;
}

/** Undefined where nobody set it. */
export function metadataValue(metadata: DynamicMetadata | null, filter: string, path: readonly string[]): unknown {
  let value: unknown = metadata?.get(filter);
  for (const key of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, key)) {
      return undefined;
    }
    value = (value as Readonly<Record<string, unknown>>)[key];
  }
  return value;
}

/** `undefined` is what is not there. (envoy.type.matcher.v3.ValueMatcher) */
export function compileValue(match: ValueMatch, engine: RegexEngine): (value: unknown) => boolean {
  switch (match.kind) {
    case 'null':
      return (value) => value === null;
    case 'bool':
      return (value) => value === match.value;
    case 'number':
      return (value) => value === match.value;
    case 'range':
      return (value) => typeof value === 'number' && value >= match.start && value < match.end;
    case 'present':
      return (value) => match.present && value !== undefined;
    case 'string': {
      const matches = compileString(match.match, engine);
      return (value) => typeof value === 'string' && matches(value);
    }
    case 'list': {
      const matches = compileValue(match.oneOf, engine);
      return (value) => Array.isArray(value) && value.some(matches);
    }
    case 'or': {
      const any = match.any.map((each) => compileValue(each, engine));
      return (value) => any.some((matches) => matches(value));
    }
  }
}
