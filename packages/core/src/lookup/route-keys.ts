import type { Head } from '../call.ts';
import type { GrpcKeyBuilder } from '../model/route-lookup.ts';

/** What the lookup service is asked by. */
export interface RouteKey {
  /** Equal where path and keys are. */
  readonly id: string;
  readonly keys: Readonly<Record<string, string>>;
}

const METHOD = /^(\/[^/?#]+\/)([^/?#]*)(?:[?#]|$)/;

/**
 * Reads the keys of calls. A method's own builder comes before that of its service; a call that has neither is asked for without keys.
 * Null for a call whose path is not `/service/method`.
 */
export function compileRouteKeys(builders: readonly GrpcKeyBuilder[]): (head: Head) => RouteKey | null {
  const byPath = new Map<string, GrpcKeyBuilder>();
  for (const builder of builders) {
    for (const { service, method } of builder.names) byPath.set(`/${service}/${method}`, builder);
  }
  return (head) => {
    const match = METHOD.exec(head.path);
    if (match === null) return null;
    const [, service = '', method = ''] = match;
    const path = service + method;
    const builder = byPath.get(path) ?? byPath.get(service);
    const pairs = builder === undefined ? [] : pairsOf(builder, head, service.slice(1, -1), method);
    return { id: JSON.stringify([path, pairs]), keys: Object.fromEntries(pairs) };
  };
}

/** Always in the same order for one builder, so that equal calls have equal ids. */
function pairsOf(builder: GrpcKeyBuilder, head: Head, service: string, method: string): [string, string][] {
  const { headers, extraKeys, constantKeys } = builder;
  const pairs: [string, string][] = [];
  for (const { key, names } of headers) {
    for (const name of names) {
      if (!head.headers.has(name)) continue;
      pairs.push([key, valuesOf(head, name).join(',')]);
      break;
    }
  }
  if (extraKeys.host !== '') pairs.push([extraKeys.host, head.authority]);
  if (extraKeys.service !== '') pairs.push([extraKeys.service, service]);
  if (extraKeys.method !== '') pairs.push([extraKeys.method, method]);
  pairs.push(...Object.entries(constantKeys));
  return pairs;
}

function valuesOf({ headers }: Head, name: string): string[] {
  const pairs = headers.flat();
  return pairs.filter((_, i) => i % 2 === 1 && (pairs[i - 1] as string).toLowerCase() === name) as string[];
}
