import type { Route, RouteConfiguration, VirtualHost, WeightedCluster } from '../model/route.ts';
import { compileHeaderMutations, type HeaderMutator, inTurn } from './header-mutation.ts';

/** Where header mutations of a route come from, apart from the share of a weighted cluster. */
export interface MutationLevels {
  readonly config: RouteConfiguration;
  readonly virtualHost: VirtualHost;
  readonly route: Route;
}

/**
 * What routing does to the headers of requests, or of responses, through a route; null for nothing.
 *
 * The share of a weighted cluster comes first, with its own name for the host; then, as Envoy does it, the route, its virtual host, the
 * route configuration, so that the most general wins; or the other way about with `most_specific_header_mutations_wins`.
 */
export function routeMutations(
  kind: 'request' | 'response',
  { config, virtualHost, route }: MutationLevels,
  share: WeightedCluster | null,
): HeaderMutator | null {
  const levels = [route.mutations, virtualHost.mutations, config.mutations];
  if (config.mostSpecificHeaderMutationsWins) levels.reverse();
  const mutators = levels.map((level) => compileHeaderMutations(level[kind]));
  if (share !== null) {
    const host = kind === 'request' && share.hostRewrite !== '' ? hostSetter(share.hostRewrite) : null;
    mutators.unshift(compileHeaderMutations(share.mutations[kind]), host);
  }
  return inTurn(mutators);
}

/** Unlike a rewrite of the route this one leaves no note. */
function hostSetter(host: string): HeaderMutator {
  return (_, { call }) => {
    call.head.authority = host;
  };
}
