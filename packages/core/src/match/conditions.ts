import type { Call } from '../call.ts';
import { isGrpc } from '../grpc.ts';
import type { FilterStateMatch, RouteConditions } from '../model/matcher.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Random } from '../util/random.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileCookie } from './cookie.ts';
import { compileHeader } from './header-match.ts';
import { compileRanges } from './ip.ts';
import { compileQueryParameter } from './query.ts';
import { compileString } from './string-match.ts';
import { compileMetadata } from './value-match.ts';

export interface MatchParts {
  readonly regex: RegexEngine;
  readonly runtime: Runtime;
  readonly random: Random;
}

/** One thing that a route asks of a call. */
export interface Condition {
  /** The field that asks, in proto names below the match, and what of the call it looks at: `headers[0] (x-user)`. */
  readonly field: string;
  readonly matches: (call: Call) => boolean;
}

/** What must hold besides the path, in the order that Envoy asks. */
export function compileConditions(conditions: RouteConditions, { regex, runtime, random }: MatchParts): Condition[] {
  const compiled: Condition[] = [];
  const add = (field: string, matches: Condition['matches']) => compiled.push({ field, matches });
  const { runtimeFraction, tlsContext } = conditions;
  if (runtimeFraction !== null) {
    const { runtimeKey, defaultValue } = runtimeFraction;
    add('runtime_fraction', (call) => runtime.featureEnabled(runtimeKey, defaultValue, call.randomValue(random)));
  }
  if (conditions.grpc) add('grpc', (call) => isGrpc(call.head.headers));
  for (const [index, match] of conditions.headers.entries()) {
    const matches = compileHeader(match, regex);
    add(`headers[${index}] (${match.name})`, (call) => matches(call.head));
  }
  for (const [index, match] of conditions.queryParameters.entries()) {
    const matches = compileQueryParameter(match, regex);
    add(`query_parameters[${index}] (${match.name})`, (call) => matches(call.head.path));
  }
  for (const [index, match] of conditions.cookies.entries()) {
    const matches = compileCookie(match, regex);
    add(`cookies[${index}] (${match.name})`, (call) => matches(call.head.headers));
  }
  // The caller is in this process: he presented no certificate, and none was validated.
  if (tlsContext?.presented === true || tlsContext?.validated === true) add('tls_context', () => false);
  for (const [index, match] of conditions.dynamicMetadata.entries()) {
    const matches = compileMetadata(match, regex);
    add(`dynamic_metadata[${index}] (${[match.filter, ...match.path].join('.')})`, (call) => matches(call.metadata));
  }
  for (const [index, match] of conditions.filterState.entries()) {
    const matches = compileFilterState(match, regex);
    add(`filter_state[${index}] (${match.key})`, (call) => matches(call.filterState?.get(match.key)));
  }
  return compiled;
}

/** Objects of the filter state are matched where they are texts, or know how to be one. (envoy.type.matcher.v3.FilterStateMatcher) */
export function compileFilterState({ test }: FilterStateMatch, regex: RegexEngine): (value: unknown) => boolean {
  if (test.kind === 'string') {
    const matches = compileString(test.match, regex);
    return (value) => {
      const text = filterStateText(value);
      return text !== undefined && matches(text);
    };
  }
  const within = compileRanges(test.ranges);
  return (value) => {
    const text = filterStateText(value);
    return text !== undefined && within(text) !== test.invert;
  };
}

/** Undefined for what has no text. */
export function filterStateText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null || !('serialize' in value)) return undefined;
  const { serialize } = value;
  return typeof serialize === 'function' ? String(serialize.call(value)) : undefined;
}
