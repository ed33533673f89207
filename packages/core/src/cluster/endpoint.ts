import {
  addressText,
  type EndpointConfig,
  type HealthStatus,
  type Locality,
  type Metadata,
} from '../model/endpoint.ts';
import type { HostPools } from './host-pools.ts';
import { EndpointStats } from './stats.ts';

/** A host of a cluster, alive as long as the feed names its address; it keeps its connections and counters across updates. */
export class Endpoint {
  /** Its address as text: the key within the cluster. */
  readonly key: string;
  readonly stats: EndpointStats = new EndpointStats();
  config: EndpointConfig;
  locality: Locality;
  priority: number;
  /** Of its locality; null for none. */
  localityMetadata: Metadata | null = null;
  /** Made with the first call. */
  pools: HostPools | null = null;
  /** True once the feed no longer names it: calls in flight end, no new one comes. */
  removed = false;

  constructor(config: EndpointConfig, locality: Locality, priority: number) {
    this.key = addressText(config.address);
    this.config = config;
    this.locality = locality;
    this.priority = priority;
  }

  get weight(): number {
    return this.config.weight;
  }

  get health(): HealthStatus {
    return this.config.health;
  }

  /** Calls on its connections. */
  get active(): number {
    return this.stats.rq_active;
  }
}

/** UNKNOWN counts as healthy: the feed has nothing against the host. */
export function isHealthy(health: HealthStatus): boolean {
  return health === 'healthy' || health === 'unknown';
}
