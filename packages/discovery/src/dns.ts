import { lookup } from 'node:dns/promises';
import {
  type Clock,
  type ClusterLoadAssignment,
  MeshError,
  outsideContext,
  type ResolveOptions,
  type Resolver,
  type Timer,
  type Unwatch,
  type Watcher,
} from '@inmesh/core';

export interface DnsResolverOptions {
  readonly clock: Clock;
  /** Every address of a host. Default: the system's resolver, which also reads the hosts file. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
}

/**
 * Endpoints from DNS: each address of the name is one, with the target's port. Looked up again after `refreshMs`; a
 * failed lookup keeps the last answer. (envoy.config.cluster.v3.Cluster.STRICT_DNS)
 */
export function dnsResolver({ clock, lookup = systemLookup }: DnsResolverOptions): Resolver {
  return { watch: (target, watcher, options) => new DnsWatch(target, watcher, options, clock, lookup).stop };
}

async function systemLookup(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true });
  return found.map(({ address }) => address);
}

class DnsWatch {
  readonly #target: string;
  readonly #host: string;
  readonly #port: number;
  readonly #watcher: Watcher<ClusterLoadAssignment>;
  readonly #refreshMs: number;
  readonly #clock: Clock;
  readonly #lookup: (host: string) => Promise<readonly string[]>;
  #timer: Timer | null = null;
  #last: string | null = null;
  #stopped = false;

  constructor(
    target: string,
    watcher: Watcher<ClusterLoadAssignment>,
    { refreshMs }: ResolveOptions,
    clock: Clock,
    lookup: (host: string) => Promise<readonly string[]>,
  ) {
    const colon = target.lastIndexOf(':');
    this.#target = target;
    this.#host = target.slice(0, colon).replace(/^\[|\]$/g, '');
    this.#port = Number(target.slice(colon + 1));
    this.#watcher = watcher;
    this.#refreshMs = refreshMs;
    this.#clock = clock;
    this.#lookup = lookup;
    void outsideContext(() => this.#look());
  }

  readonly stop: Unwatch = () => {
    this.#stopped = true;
    this.#timer?.cancel();
  };

  async #look(): Promise<void> {
    try {
      const addresses = await this.#lookup(this.#host);
      if (!this.#stopped) this.#found(addresses);
    } catch (cause) {
      if (!this.#stopped) this.#failed(cause);
    }
    if (!this.#stopped) {
      this.#timer = this.#clock.setTimer(this.#refreshMs, () => void this.#look(), { unref: true });
    }
  }

  #found(addresses: readonly string[]): void {
    // Resolvers rotate their answers: the order is no change.
    const hosts = [...new Set(addresses)].sort();
    const answer = hosts.join(' ');
    if (answer === this.#last) return;
    this.#last = answer;
    this.#watcher.changed({
      name: this.#target,
      overprovisioningFactor: 140,
      localities: [
        {
          locality: { region: '', zone: '', subZone: '' },
          priority: 0,
          weight: 0,
          endpoints: hosts.map((host) => ({
            address: { kind: 'socket', host, port: this.#port },
            hostname: this.#host,
            health: 'unknown',
            weight: 1,
            metadata: {},
          })),
        },
      ],
    });
  }

  #failed(cause: unknown): void {
    const error = new MeshError('no_healthy_upstream', `the name does not resolve: ${(cause as Error).message}`, {
      resource: `dns "${this.#target}"`,
      cause,
      flag: 'DF',
    });
    if (this.#last === null) this.#watcher.resourceError(error);
    else this.#watcher.ambientError(error);
  }
}
