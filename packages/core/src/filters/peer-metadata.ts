import { chosenCluster } from './chosen-cluster.ts';
import type { FilterCallbacks, FilterFactory, FilterResponse, FilterType, HttpFilter, PeerIdentity } from './filter.ts';

/** io.istio.http.peer_metadata.Config, as far as a client is concerned. */
export interface PeerMetadataConfig {
  /** `upstream_propagation: istio_headers`: requests say whose they are. */
  readonly propagates: boolean;
  /** Not to clusters that are not of the mesh (`istio.external` in their metadata). */
  readonly skipsExternal: boolean;
  /** `upstream_discovery: istio_headers`: what servers say of themselves is taken off their responses. */
  readonly discovers: boolean;
}

const ID = 'x-envoy-peer-metadata-id';
const METADATA = 'x-envoy-peer-metadata';

/** Tells servers whose calls these are, and keeps what they tell from the caller. (istio.metadata_exchange) */
export const peerMetadata: FilterType<PeerMetadataConfig> = {
  compile(config, _, { peer }) {
    const told = config.propagates && peer !== null;
    return told || config.discovers ? new PeerMetadata(config, told ? peer : null) : null;
  },
};

class PeerMetadata implements FilterFactory, HttpFilter {
  readonly #config: PeerMetadataConfig;
  readonly #peer: PeerIdentity | null;

  constructor(config: PeerMetadataConfig, peer: PeerIdentity | null) {
    this.#config = config;
    this.#peer = peer;
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders({ call }: FilterCallbacks): void {
    const { headers } = call.head;
    const peer = this.#peer;
    if (peer === null || (this.#config.skipsExternal && isExternal(call))) return;
    headers.set(METADATA, peer.metadata);
    headers.set(ID, peer.id);
  }

  onResponseHeaders(_: FilterCallbacks, { headers }: FilterResponse): void {
    if (!this.#config.discovers) return;
    if (headers.has(METADATA)) headers.delete(METADATA);
    if (headers.has(ID)) headers.delete(ID);
  }
}

function isExternal(call: FilterCallbacks['call']): boolean {
  return chosenCluster(call)?.config.metadata.istio?.external === true;
}
