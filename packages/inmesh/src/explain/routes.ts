import type {
  Call,
  CookieMatch,
  HeaderMatch,
  QueryParameterMatch,
  Route,
  RouteEntry,
  RouteTable,
  StringMatch,
} from '@inmesh/core';
import type { ExplainedRoute } from './explanation.ts';

/** One thing that a route asks, and what a call has of it. */
interface Ask {
  readonly text: string;
  readonly has: (call: Call) => string;
}

/** Why each route of a table matches a call or does not. */
export function explainRoutes(table: RouteTable, call: Call, chosen: RouteEntry | null): readonly ExplainedRoute[] {
  return table.explain(call).map(({ route, missing }, index) => {
    const asks = asksOf(route.config);
    const ask = missing === null ? undefined : asks.get(missing);
    return {
      position: index + 1,
      name: route.label,
      asks: [...asks.values()].map(({ text }) => text),
      missing: ask === undefined ? missing : `${missing}: asks for ${ask.text}, the call has ${ask.has(call)}`,
      chosen: route === chosen,
    };
  });
}

/** By the fields that the matcher names, in the order in which it asks. */
function asksOf({ path, conditions }: Route): ReadonlyMap<string, Ask> {
  const asks = new Map<string, Ask>();
  const add = (field: string, text: string, has: Ask['has']) => asks.set(field, { text, has });
  const { runtimeFraction, grpc, headers, queryParameters, cookies, tlsContext } = conditions;
  const pathText = path === null ? 'a path of a kind that is not known' : `${path.kind} ${path.value}`.trim();
  add('path', path?.caseSensitive === false ? `${pathText} in any case` : pathText, ({ head }) => head.path);
  if (runtimeFraction !== null) {
    const { numerator, denominator } = runtimeFraction.defaultValue;
    const key = runtimeFraction.runtimeKey === '' ? '' : `, or what runtime key ${runtimeFraction.runtimeKey} says`;
    add('runtime_fraction', `${numerator} of ${denominator} calls${key}`, () => 'drawn another lot, this time');
  }
  if (grpc) add('grpc', 'a call of gRPC', ({ head }) => `content-type ${shown(head.headers.get('content-type'))}`);
  for (const [index, match] of headers.entries()) {
    add(`headers[${index}] (${match.name})`, headerText(match), (call) => shown(headerOf(call, match.name)));
  }
  for (const [index, match] of queryParameters.entries()) {
    const has = ({ head }: Call) => shown(new URLSearchParams(head.path.split('?')[1] ?? '').get(match.name));
    add(`query_parameters[${index}] (${match.name})`, `query parameter ${parameterText(match)}`, has);
  }
  for (const [index, match] of cookies.entries()) {
    const has = ({ head }: Call) => `cookies ${shown(head.headers.get('cookie'))}`;
    add(`cookies[${index}] (${match.name})`, `cookie ${cookieText(match)}`, has);
  }
  if (tlsContext !== null) add('tls_context', 'a client certificate', () => 'none: it is made in this process');
  for (const [index, { filter, path: keys }] of conditions.dynamicMetadata.entries()) {
    const name = [filter, ...keys].join('.');
    add(`dynamic_metadata[${index}] (${name})`, `metadata ${name}`, () => 'none before filters have run');
  }
  for (const [index, { key }] of conditions.filterState.entries()) {
    add(`filter_state[${index}] (${key})`, `filter state ${key}`, () => 'none before filters have run');
  }
  return asks;
}

function headerText({ name, test, invert, treatMissingAsEmpty }: HeaderMatch): string {
  const missing = treatMissingAsEmpty ? ' (missing is empty)' : '';
  return `${invert ? 'not ' : ''}header ${name} ${testText(test)}${missing}`;
}

function testText(test: HeaderMatch['test']): string {
  switch (test.kind) {
    case 'string':
      return stringText(test.match);
    case 'any':
      return 'present';
    case 'range':
      return `from ${test.start} to below ${test.end}`;
    case 'present':
      return test.present ? 'present' : 'absent';
  }
}

function parameterText({ name, test }: QueryParameterMatch): string {
  if (test.kind === 'string') return `${name} ${stringText(test.match)}`;
  return `${name} ${test.present ? 'present' : 'absent'}`;
}

function cookieText({ name, match, invert }: CookieMatch): string {
  return `${invert ? 'not ' : ''}${name} ${stringText(match)}`;
}

function stringText({ kind, value, ignoreCase }: StringMatch): string {
  return `${kind} "${value}"${ignoreCase ? ' in any case' : ''}`;
}

function headerOf({ head }: Call, name: string): string | undefined {
  switch (name) {
    case ':method':
      return head.method;
    case ':path':
      return head.path;
    case ':authority':
      return head.authority;
    case ':scheme':
      return head.scheme;
    default:
      return head.headers.get(name);
  }
}

function shown(value: string | null | undefined): string {
  return value === null || value === undefined ? 'none' : `"${value}"`;
}
