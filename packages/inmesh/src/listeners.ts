import type { ConfigSource } from '@inmesh/core';
import {
  type AdsClient,
  type Bootstrap,
  type ChosenFlavour,
  type FlavourInForce,
  type ListenerFinder,
  type ListenerMemory,
  lacksOf,
  listenersByName,
  nodeDnsDomain,
  WildcardFinder,
} from '@inmesh/xds';

export interface MeshListenersOptions {
  readonly bootstrap: Bootstrap;
  readonly chosen: ChosenFlavour;
  readonly source: ConfigSource;
  /** Null where all configuration is static. */
  readonly client: AdsClient | null;
  /** Whether a host is one of the mesh's domains: its calls wait for the feed. */
  readonly isMeshDomain: (host: string, port: number) => boolean;
  readonly httpProxy: boolean;
  /** What an earlier run knew; null for nothing. */
  readonly memory: ListenerMemory | null;
}

/** How listeners are found, and which flavour that is. */
export interface MeshListeners {
  readonly finder: ListenerFinder;
  /** The feed of whole types; null where listeners are asked for by name. */
  readonly wildcard: WildcardFinder | null;
  readonly flavour: FlavourInForce;
}

/** By name, or in a feed of whole types; static listeners come first, as in Envoy. */
export function meshListeners(options: MeshListenersOptions): MeshListeners {
  const { bootstrap, chosen, source, client, isMeshDomain, httpProxy, memory } = options;
  const { node, why } = chosen;
  const byName = listenersByName(source, (target) => listenerNames(bootstrap, target));
  if (chosen.flavour === 'grpc' || client === null) {
    return { finder: byName, wildcard: null, flavour: { name: 'grpc', why, lacks: lacksOf('grpc', node) } };
  }
  const wildcard = new WildcardFinder({
    feed: client,
    source,
    flavour: chosen.flavour,
    domain: nodeDnsDomain(node.id),
    clusters: bootstrap.dynamic.clusters,
    waits: isMeshDomain,
    httpProxy,
    memory,
  });
  const finder: ListenerFinder = {
    find: (target, watcher, traffic) => {
      const colon = target.lastIndexOf(':');
      const ours = isMeshDomain(target.slice(0, colon), Number(target.slice(colon + 1)));
      const names = ours ? staticNames(bootstrap, target) : [];
      return names.length > 0
        ? listenersByName(source, () => names).find(target, watcher)
        : wildcard.find(target, watcher, traffic);
    },
    fullNames: (host) => wildcard.fullNames(host),
  };
  return {
    finder,
    wildcard,
    get flavour() {
      const name = wildcard.flavour;
      const shown = chosen.flavour === null && name !== null ? `${why}, and its listeners are such` : why;
      return { name, why: shown, lacks: lacksOf(name, node) };
    },
  };
}

/** The names to ask for: the bootstrap's template, the bare host on the default port, and static listeners on the port. */
export function listenerNames(bootstrap: Bootstrap, target: string): readonly string[] {
  const { listenerTemplate } = bootstrap;
  const host = target.endsWith(':80') ? target.slice(0, -':80'.length) : null;
  const names = [listenerName(listenerTemplate, target)];
  if (host !== null) names.push(listenerName(listenerTemplate, host));
  return [...new Set([...names, ...staticNames(bootstrap, target)])];
}

function staticNames({ staticListeners }: Bootstrap, target: string): string[] {
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  return staticListeners
    .filter(({ name, address }) => name === target || (address?.kind === 'socket' && address.port === port))
    .map(({ name }) => name);
}

/** A listener's name by a template; in one with an authority, what stands for `%s` is percent-encoded as part of a path (gRFC A47). */
export function listenerName(template: string, target: string): string {
  const inserted = template.startsWith('xdstp:')
    ? target.replace(/[^\w.~!$&'()*+,;=:@/-]/g, encodeURIComponent)
    : target;
  return template.replaceAll('%s', () => inserted);
}
