import type { Call } from '../call.ts';
import { RouteStats } from '../cluster/stats.ts';
import type { HttpFilterChain } from '../filters/chain.ts';
import type { Listener } from '../model/listener.ts';
import type { RouteConfiguration, VirtualHost } from '../model/route.ts';
import { compilePath, type PathMatcher, pathOnly } from './path.ts';
import { RouteEntry, type RouteParts, routeLabel } from './route-entry.ts';

export interface RouteTableParts extends RouteParts {
  /** The table that this one takes the place of: routes that stay keep their counters. */
  readonly previous?: RouteTable | null;
}

/** The routes of one virtual host, as calls to one authority see them. Swapped as a whole when the feed changes. */
export class RouteTable {
  readonly listener: Listener;
  readonly routeConfiguration: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  readonly routes: readonly { readonly matches: PathMatcher; readonly route: RouteEntry }[];
  /** The filters of calls that no route matches. */
  readonly filters: HttpFilterChain;
  /** True while the feed has not told about every cluster that the routes name. */
  readonly pending: boolean;
  /** True where calls may have to wait although all is known that the routes name: they name clusters themselves. */
  readonly #byCall: boolean;

  constructor(parts: RouteTableParts) {
    this.listener = parts.listener;
    this.routeConfiguration = parts.config;
    this.virtualHost = parts.virtualHost;
    this.filters = parts.filters.chain(parts.listener);
    const known = new Map(parts.previous?.routes.map(({ route }) => [route.label, route.stats]));
    this.routes = parts.virtualHost.routes.map((route) => ({
      matches: route.path === null ? anyPath : compilePath(route.path, parts.regex),
      route: new RouteEntry(route, parts, known.get(routeLabel(route, parts.virtualHost)) ?? new RouteStats()),
    }));
    this.pending = this.routes.some(({ route }) => route.pending);
    this.#byCall = this.routes.some(({ route }) => route.byCall);
  }

  /** True where the call has to wait for the feed. */
  awaits(call: Call): boolean {
    return (this.pending || this.#byCall) && this.match(call)?.awaits(call) === true;
  }

  /** The first route that matches, as Envoy takes it. */
  match({ head }: Call): RouteEntry | null {
    const bare = pathOnly(head.path);
    for (const { matches, route } of this.routes) if (matches(bare)) return route;
    return null;
  }
}

function anyPath(): boolean {
  return true;
}
