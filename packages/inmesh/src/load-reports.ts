import { Backoff, type Clock, type Cluster, type ClusterFollower, type Random } from '@inmesh/core';
import { type Bootstrap, LoadReporter, type LoadReporterStats, type NodeIdentity, type XdsServer } from '@inmesh/xds';
import { openServer } from './shared-streams.ts';
import { VERSION } from './version.ts';

export interface LoadReportsParts {
  readonly bootstrap: Bootstrap;
  readonly node: NodeIdentity;
  /** The server that a cluster comes from now; null for none. */
  readonly serverOf: (cluster: string) => XdsServer | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

interface SharedReporter {
  readonly reporter: LoadReporter;
  readonly close: () => void;
  /** Meshes that use it. */
  users: number;
}

/** One stream of load reports per server and node, whatever meshes there are: a server must hear of a cluster on one stream only. */
const shared = new Map<string, SharedReporter>();

/**
 * Tells servers of the load of one mesh's clusters: of all of them the one that an Envoy bootstrap names (`load_stats_config`), or of
 * each that asks for it (`lrs_server: self`) the one that it comes from.
 */
export class LoadReports implements ClusterFollower {
  readonly #parts: LoadReportsParts;
  readonly #used = new Map<string, SharedReporter>();
  readonly #byCluster = new Map<Cluster, LoadReporter>();

  constructor(parts: LoadReportsParts) {
    this.#parts = parts;
  }

  used(cluster: Cluster): void {
    const server = this.#serverFor(cluster);
    const before = this.#byCluster.get(cluster) ?? null;
    const reporter = server === null ? null : this.#reporterTo(server);
    if (before !== null && before !== reporter) {
      before.gone(cluster);
      this.#byCluster.delete(cluster);
    }
    if (reporter === null) return;
    this.#byCluster.set(cluster, reporter);
    reporter.used(cluster);
  }

  gone(cluster: Cluster): void {
    this.#byCluster.get(cluster)?.gone(cluster);
    this.#byCluster.delete(cluster);
  }

  /** By the server's URI. */
  statistics(): { readonly [server: string]: LoadReporterStats } {
    return Object.fromEntries(
      Array.from(this.#used, ([key, { reporter }]) => [(JSON.parse(key) as [XdsServer])[0].uri, reporter.stats]),
    );
  }

  /** After the clusters are gone. */
  close(): void {
    for (const [key, each] of this.#used) {
      each.users--;
      if (each.users > 0) continue;
      shared.delete(key);
      each.close();
    }
    this.#used.clear();
  }

  #serverFor({ name, config }: Cluster): XdsServer | null {
    const { bootstrap, serverOf } = this.#parts;
    if (bootstrap.loadReportServer !== null) return bootstrap.loadReportServer;
    return config.reportsLoad ? serverOf(name) : null;
  }

  #reporterTo(server: XdsServer): LoadReporter | null {
    const { bootstrap, node, clock, random, onError } = this.#parts;
    const key = JSON.stringify([server, node]);
    let found = this.#used.get(key);
    if (found !== undefined) return found.reporter;
    found = shared.get(key);
    if (found === undefined) {
      try {
        const { transport, metadata } = openServer(server, clock, onError);
        const reporter = new LoadReporter({
          transport,
          metadata: metadata ?? (() => ({})),
          node,
          userAgentVersion: VERSION,
          utilizationFields: bootstrap.format !== 'envoy',
          backoff: new Backoff(random),
          clock,
        });
        found = { reporter, close: () => reporter.close(() => transport.close()), users: 0 };
      } catch (error) {
        // Credentials that cannot be used: calls do not need the reports.
        onError(error as Error);
        return null;
      }
      shared.set(key, found);
    }
    found.users++;
    this.#used.set(key, found);
    return found.reporter;
  }
}
