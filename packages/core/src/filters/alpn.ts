import type { Call } from '../call.ts';
import type { Cluster } from '../cluster/cluster.ts';
import { protocolOf } from '../cluster/compile-keys.ts';
import { chosenCluster } from './chosen-cluster.ts';
import type { FilterCallbacks, FilterFactory, FilterType, HttpFilter } from './filter.ts';

/** istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig: what is offered by ALPN, by the protocol towards the host; empty for no change. */
export interface AlpnConfig {
  readonly http1: readonly string[];
  readonly http2: readonly string[];
}

/**
 * Offers Istio's own names of protocols, by which its servers know calls of the mesh from others; not to clusters that say in their
 * metadata that it should not (`istio.alpn_override: "false"`). (istio.alpn)
 */
export const alpn: FilterType<AlpnConfig> = {
  compile: (config) => (config.http1.length + config.http2.length === 0 ? null : new AlpnFilter(config)),
};

/** The same for every call. */
export class AlpnFilter implements FilterFactory, HttpFilter {
  readonly #config: AlpnConfig;

  constructor(config: AlpnConfig) {
    this.#config = config;
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders({ call }: FilterCallbacks): void {
    const cluster = chosenCluster(call);
    if (cluster !== null) this.offer(call, cluster);
  }

  /** Has a call to this cluster offer what it should. */
  offer(call: Call, { config }: Cluster): void {
    if (config.metadata.istio?.alpn_override === 'false') return;
    // Where ALPN decides, HTTP/2 is what is hoped for, as in Envoy.
    const names = this.#config[protocolOf(config.protocol, call) === 'http1' ? 'http1' : 'http2'];
    if (names.length > 0) call.alpn = names;
  }
}
