/** A service as Consul's names tell it. */
export interface ConsulName {
  readonly service: string;
  /** '' where the name does not say. */
  readonly datacenter: string;
}

const ADDRESS = /:(?:\d+\.\d+\.\d+\.\d+|\[?[\da-f:]+\]?):\d+$/i;

/** True for a name such as `db:127.0.0.1:9191`: Consul's listeners are named so, and nobody else's. */
export function looksLikeConsul(listenerName: string): boolean {
  return ADDRESS.test(listenerName);
}

/**
 * The upstream that a listener is for: `db:127.0.0.1:9191`, `db?dc=dc2:127.0.0.1:9191`, `team/db:…` of a partition or namespace.
 * Null for the listeners that are for no single upstream.
 */
export function upstreamOfListener(name: string): ConsulName | null {
  if (!ADDRESS.test(name)) return null;
  const id = name.replace(ADDRESS, '');
  if (id === 'outbound_listener' || id === 'public_listener' || id.startsWith('prepared_query:')) return null;
  const [path = '', query = ''] = id.split('?');
  return {
    service: path.slice(path.lastIndexOf('/') + 1).toLowerCase(),
    datacenter: (new URLSearchParams(query).get('dc') ?? '').toLowerCase(),
  };
}

/** The upstream behind a chain of the transparent proxy's listener, by its statistics: `upstream.db.default.default.dc1`. */
export function upstreamOfChain(statPrefix: string): ConsulName | null {
  const [kind, service = '', ...place] = statPrefix.toLowerCase().split('.');
  if (kind !== 'upstream' || service === '' || place.length < 3) return null;
  return { service, datacenter: place.at(-1) ?? '' };
}

/**
 * The service that a host names: `db`, `db.service.consul`, `db.virtual.consul`, `db.connect.consul`, each with the datacenter
 * before `consul` (`db.service.dc2.consul`, `db.virtual.default.ns.dc2.dc.consul`). Null for any other host.
 */
export function upstreamOfHost(host: string): ConsulName | null {
  const labels = host.toLowerCase().replace(/\.$/, '').split('.');
  const [service = '', kind = '', ...rest] = labels;
  if (labels.length === 1) return { service, datacenter: '' };
  if (rest.at(-1) !== 'consul' || !['service', 'virtual', 'connect'].includes(kind)) return null;
  const place = rest.slice(0, -1);
  const at = place.indexOf('dc');
  if (at > 0) return { service, datacenter: place[at - 1] ?? '' };
  return { service, datacenter: place.length === 1 ? (place[0] ?? '') : '' };
}
