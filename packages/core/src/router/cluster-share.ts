import type { Call } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { isMeshError, MeshError } from '../errors.ts';
import type { HttpFilterChain } from '../filters/chain.ts';
import { shownRequest } from '../format/shown.ts';
import { requestHeader } from '../format/values.ts';
import type { ForwardAction, Route, WeightedCluster } from '../model/route.ts';
import type { RouteLookupConfig } from '../model/route-lookup.ts';
import type { Clock } from '../util/clock.ts';
import type { RegexEngine } from '../util/regex.ts';
import type { ClusterSpecifier } from './cluster-specifier.ts';
import type { HeaderMutator } from './header-mutation.ts';
import { compileHostRewrite, compilePathRewrite, type RouteRewrites, rewriteHead } from './rewrite.ts';
import { type MutationLevels, routeMutations } from './route-mutations.ts';

/** A cluster that a route may choose, or why it cannot be called; null while the feed has not told. */
export type ClusterChoice = Cluster | MeshError | null;

export interface ClusterShareParts {
  readonly action: ForwardAction;
  readonly levels: MutationLevels;
  readonly regex: RegexEngine;
  /** A cluster that the feed names, as far as it is known. */
  readonly clusterOf: (name: string, action: ForwardAction) => ClusterChoice;
  /** A cluster that a call names, looked for from then on. */
  readonly namedCluster: (name: string, action: ForwardAction) => ClusterChoice;
  /** Who chooses in the route's stead. */
  readonly specifierOf: (config: RouteLookupConfig) => ClusterSpecifier;
  readonly filters: HttpFilterChain;
  readonly envoyHeaders: boolean;
}

/** A cluster that a route may choose, and how its calls are changed. */
export class ClusterShare {
  /** Empty where the calls name it. */
  readonly name: string;
  /** The request header that names the cluster, in lower case; empty where the route does. (cluster_header) */
  readonly header: string;
  /** Null where the route, or a header, names the cluster. */
  readonly specifier: ClusterSpecifier | null;
  readonly weight: number;
  readonly mutateRequest: HeaderMutator | null;
  readonly rewrites: RouteRewrites | null;
  readonly mutateResponse: HeaderMutator | null;
  readonly filters: HttpFilterChain;
  /** Null while the feed has not told, and where calls name it. */
  readonly choice: ClusterChoice;
  readonly #parts: ClusterShareParts;

  constructor(config: WeightedCluster, parts: ClusterShareParts) {
    const { action, levels, clusterOf, specifierOf } = parts;
    this.name = config.name;
    this.header = config.clusterHeader;
    this.weight = config.weight;
    this.mutateRequest = routeMutations('request', levels, config);
    this.rewrites = rewritesOf(levels.route, action, parts);
    this.mutateResponse = routeMutations('response', levels, config);
    this.filters = parts.filters;
    this.specifier = config.lookup === null ? null : specifierOf(config.lookup);
    this.choice = this.byCall ? null : clusterOf(this.name, action);
    this.#parts = parts;
  }

  /** The name of the cluster that a call goes to; empty where the call should say it and does not, and while a specifier has chosen none. */
  nameFor(call: Call): string {
    const asked = call.overrides?.cluster ?? null;
    if (asked !== null) return asked;
    if (this.specifier !== null) return nameOf(this.clusterOf(call));
    return this.header === '' ? this.name : (requestHeader(call.head, this.header) ?? '');
  }

  /** Changes the request as routing has it for calls that go here. */
  prepare(call: Call, clock: Clock): void {
    if (this.specifier !== null) addSpecified(call);
    if (this.mutateRequest === null && this.rewrites === null) return;
    const shown = shownRequest(call, clock.wallNow());
    this.mutateRequest?.(call.head.headers, shown);
    if (this.rewrites !== null) rewriteHead(shown, this.rewrites);
  }

  /** True where each call has a cluster of its own. */
  get byCall(): boolean {
    return this.header !== '' || this.specifier !== null;
  }

  /** Where a call goes. */
  clusterOf(call: Call): ClusterChoice {
    const { action, namedCluster } = this.#parts;
    const asked = call.overrides?.cluster ?? null;
    if (asked !== null) return namedCluster(asked, action);
    if (this.specifier !== null) return this.#specified(this.specifier, call);
    if (this.header === '') return this.choice;
    const name = this.nameFor(call);
    if (name !== '') return namedCluster(name, action);
    return new MeshError('no_cluster', `the request has no header ${this.header}, which names the cluster`, {
      authority: call.head.authority,
      status: action.clusterNotFoundStatus,
    });
  }

  /** Of several clusters the first that can be called, or that may yet turn out so; of none the last one's reason. */
  #specified(specifier: ClusterSpecifier, call: Call): ClusterChoice {
    const { action, namedCluster } = this.#parts;
    const targets = specifier.choose(call);
    if (targets === null || isMeshError(targets)) return targets;
    let choice: ClusterChoice = null;
    for (const target of targets) {
      choice = namedCluster(target, action);
      if (!isMeshError(choice)) return choice;
    }
    return choice;
  }
}

function nameOf(choice: ClusterChoice): string {
  return isMeshError(choice) ? (choice.place.cluster ?? '') : (choice?.name ?? '');
}

/** What came with the choice, for the upstream; in the place of what the caller says. */
function addSpecified({ specified, head }: Call): void {
  const headers = specified?.headers ?? [];
  for (let i = 0; i < headers.length; i += 2) head.headers.set(headers[i] as string, headers[i + 1] as string);
}

/** Null where nothing is rewritten, which costs nothing then. */
function rewritesOf(
  { path }: Route,
  action: ForwardAction,
  { regex, envoyHeaders }: ClusterShareParts,
): RouteRewrites | null {
  const { pathRewrite, hostRewrite, appendXForwardedHost } = action;
  if (pathRewrite === null && hostRewrite === null) return null;
  return {
    path: pathRewrite === null ? null : compilePathRewrite(pathRewrite, path, regex),
    host: hostRewrite === null ? null : compileHostRewrite(hostRewrite, regex),
    autoHost: hostRewrite?.kind === 'auto',
    notes: { forwardedHost: appendXForwardedHost, original: envoyHeaders },
  };
}
