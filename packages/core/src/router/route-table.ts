import type { Call } from '../call.ts';
import { RouteStats } from '../cluster/stats.ts';
import type { MeshError } from '../errors.ts';
import type { HttpFilterChain } from '../filters/chain.ts';
import { CompiledManager } from '../manager/compiled-manager.ts';
import { RouteMatcher } from '../match/route-matcher.ts';
import type { Listener } from '../model/listener.ts';
import type { RouteConfiguration, VirtualHost } from '../model/route.ts';
import { RouteEntry, type RouteParts, routeLabel } from './route-entry.ts';

export interface RouteTableParts extends RouteParts {
  /** May replace shares of routes. */
  /** The table that this one takes the place of: routes that stay keep their counters. */
  readonly previous?: RouteTable | null;
  /** Default: none. */
  readonly refusal?: MeshError | null;
}

/**
 * The routes of one virtual host, as calls to one authority see them, or none, where no virtual host matches: filters come before that
 * answer. Swapped as a whole when the feed changes.
 */
export class RouteTable {
  readonly listener: Listener;
  readonly routeConfiguration: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  /** Why it has no routes; null where it has a virtual host. */
  readonly refusal: MeshError | null;
  readonly routes: readonly { readonly route: RouteEntry }[];
  /** The filters of calls that no route matches. */
  readonly filters: HttpFilterChain;
  /** True while the feed has not told about every cluster that the routes name. */
  readonly pending: boolean;
  /** True where calls may have to wait although all is known that the routes name: they name clusters themselves. */
  readonly #byCall: boolean;
  readonly #matcher: RouteMatcher;
  /** Null for a listener that has none. */
  readonly manager: CompiledManager | null;

  constructor({ previous = null, ...parts }: RouteTableParts) {
    // From here on without the table before: whoever kept it would keep that of the day before yesterday, too.
    this.listener = parts.listener;
    this.routeConfiguration = parts.config;
    this.virtualHost = parts.virtualHost;
    this.refusal = parts.refusal ?? null;
    this.filters = parts.filters.chain(parts.listener);
    const known = new Map(previous?.routes.map(({ route }) => [route.label, route.stats]));
    this.routes = parts.virtualHost.routes.map((route) => ({
      route: new RouteEntry(route, parts, known.get(routeLabel(route, parts.virtualHost)) ?? new RouteStats()),
    }));
    this.pending = this.routes.some(({ route }) => route.pending);
    this.#byCall = this.routes.some(({ route }) => route.byCall);
    this.#matcher = RouteTable.#matcherOf(parts, previous);
    const { http } = parts.listener;
    this.manager = http === null ? null : new CompiledManager(http.manager, parts.listener, parts);
  }

  /** True where the call has to wait for the feed. */
  awaits(call: Call): boolean {
    if (!this.pending && !this.#byCall && call.overrides === null) return false;
    const asks = () => this.match(call)?.awaits(call) === true;
    return this.manager === null ? asks() : this.manager.routed(call.head, asks);
  }

  /** The first route that matches, as Envoy takes it. */
  match(call: Call): RouteEntry | null {
    return this.routes[this.#matcher.find(call)]?.route ?? null;
  }

  /** For each route in order, the first thing that it asks and the call does not fulfil; null where it matches. */
  explain(call: Call): readonly { readonly route: RouteEntry; readonly missing: string | null }[] {
    return this.routes.map(({ route }, position) => ({ route, missing: this.#matcher.missing(position, call) }));
  }

  /** What was compiled for the same virtual host is taken over: most new tables are made because a cluster came or went. */
  static #matcherOf(parts: Omit<RouteTableParts, 'previous'>, previous: RouteTable | null): RouteMatcher {
    const { virtualHost, config } = parts;
    return previous?.virtualHost === virtualHost && previous?.routeConfiguration === config
      ? previous.#matcher
      : new RouteMatcher(virtualHost, config, parts);
  }
}
