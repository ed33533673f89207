import type { Call } from '../call.ts';
import type { Route, RouteConfiguration, VirtualHost } from '../model/route.ts';
import type { Positions } from './bucket.ts';
import { type Condition, compileConditions, type MatchParts } from './conditions.ts';
import { type CompiledTree, compileMatcherTree } from './matcher-tree.ts';
import { compilePath, type PathMatcher, pathOnly } from './path.ts';
import { PathIndex } from './path-index.ts';

/** Up to so many routes are asked one by one: a look into the index costs about as much. */
const FEW = 8;

interface CompiledRoute {
  readonly path: PathMatcher;
  /** Asked with the whole path, parameters included. */
  readonly isTemplate: boolean;
  readonly connectOnly: boolean;
  readonly conditions: readonly Condition[];
}

/** Says which route of a virtual host a call is for: the first one that matches. Compiled once; holds nothing of any call. */
export class RouteMatcher {
  readonly #routes: readonly CompiledRoute[];
  readonly #ignoreParameters: boolean;
  readonly #tree: CompiledTree<Positions> | null;
  readonly #index: PathIndex | null;
  /** Working space of `find`, which never runs twice at a time. */
  readonly #lists: Positions[] = [];
  readonly #heads: number[] = [];

  constructor({ routes, matcher }: VirtualHost, config: RouteConfiguration, parts: MatchParts) {
    this.#routes = routes.map((route) => compileRoute(route, parts));
    this.#ignoreParameters = config.ignorePathParametersInPathMatching;
    this.#tree = matcher === null ? null : compileMatcherTree(matcher, parts);
    this.#index = matcher === null && routes.length > FEW ? new PathIndex(routes) : null;
  }

  /** The position of the route; -1 where none matches. */
  find(call: Call): number {
    const bare = pathOnly(call.head.path, this.#ignoreParameters);
    if (this.#tree !== null) return this.#findIn(this.#tree(call) ?? [], bare, call);
    if (this.#index !== null) return this.#findByIndex(this.#index, bare, call);
    for (let position = 0; position < this.#routes.length; position++) {
      if (this.#matches(position, bare, call)) return position;
    }
    return -1;
  }

  /** What of a route a call does not fulfil first, as its field below `match`; null where it fulfils all. */
  missing(position: number, call: Call): string | null {
    const route = this.#routes[position] as CompiledRoute;
    if (this.#tree !== null && !this.#tree(call)?.includes(position)) return 'the matcher of the virtual host';
    if (!fitsPath(route, pathOnly(call.head.path, this.#ignoreParameters), call)) return 'path';
    return route.conditions.find(({ matches }) => !matches(call))?.field ?? null;
  }

  #findIn(positions: Positions, bare: string, call: Call): number {
    for (const position of positions) if (this.#matches(position, bare, call)) return position;
    return -1;
  }

  /** Merges the lists of candidates: each is in order, and so are their heads asked. */
  #findByIndex(index: PathIndex, bare: string, call: Call): number {
    const lists = this.#lists;
    const heads = this.#heads;
    const count = index.candidates(call.head, bare, lists);
    for (let i = 0; i < count; i++) heads[i] = 0;
    for (;;) {
      let next = -1;
      let from = -1;
      for (let i = 0; i < count; i++) {
        const position = (lists[i] as Positions)[heads[i] as number];
        if (position !== undefined && (next < 0 || position < next)) {
          next = position;
          from = i;
        }
      }
      if (next < 0 || this.#matches(next, bare, call)) return next;
      heads[from] = (heads[from] as number) + 1;
    }
  }

  #matches(position: number, bare: string, call: Call): boolean {
    const route = this.#routes[position] as CompiledRoute;
    if (!fitsPath(route, bare, call)) return false;
    for (const { matches } of route.conditions) if (!matches(call)) return false;
    return true;
  }
}

function compileRoute({ path, conditions }: Route, parts: MatchParts): CompiledRoute {
  return {
    path: path === null ? anyPath : compilePath(path, parts.regex),
    isTemplate: path?.kind === 'uri_template',
    connectOnly: path?.kind === 'connect_matcher',
    conditions: compileConditions(conditions, parts),
  };
}

function fitsPath({ path, isTemplate, connectOnly }: CompiledRoute, bare: string, { head }: Call): boolean {
  if (connectOnly) return head.method === 'CONNECT';
  return path(isTemplate ? pathOnly(head.path) : bare);
}

function anyPath(): boolean {
  return true;
}
