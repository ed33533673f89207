import { type Clock, type TcpDestination, type TcpDirectory, TcpStats, type Timer } from '@inmesh/core';
import { JoinedTcp, type JoinedTcpOptions } from './joined-tcp.ts';

export interface TcpJoinOptions extends Omit<JoinedTcpOptions, 'statsOf'> {
  readonly clock: Clock;
  /** Milliseconds after the last stream to a destination until it is followed no more; 0 for never. */
  readonly idleMs: number;
}

/** Joins listeners, clusters and endpoints for streams of bytes, one destination at a time and from its first use on. */
export class TcpJoin implements TcpDirectory {
  /** By `stat_prefix`. */
  readonly stats: Map<string, TcpStats> = new Map();
  readonly #options: TcpJoinOptions;
  readonly #entries = new Map<string, JoinedTcp>();
  readonly #idle = new Map<JoinedTcp, Timer>();

  constructor(options: TcpJoinOptions) {
    this.#options = options;
  }

  lookup(destination: TcpDestination): JoinedTcp {
    const key = keyOf(destination);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const statsOf = (prefix: string) => this.#statsOf(prefix);
      entry = new JoinedTcp(destination, { ...this.#options, statsOf }, (idle) => this.#forgetLater(idle));
      this.#entries.set(key, entry);
      entry.start();
    }
    this.#idle.get(entry)?.cancel();
    this.#idle.delete(entry);
    entry.users++;
    return entry;
  }

  close(): void {
    for (const timer of this.#idle.values()) timer.cancel();
    this.#idle.clear();
    for (const entry of this.#entries.values()) entry.close();
    this.#entries.clear();
  }

  #statsOf(prefix: string): TcpStats {
    let stats = this.stats.get(prefix);
    if (stats === undefined) {
      stats = new TcpStats();
      this.stats.set(prefix, stats);
    }
    return stats;
  }

  #forgetLater(entry: JoinedTcp): void {
    const { clock, idleMs } = this.#options;
    const key = keyOf(entry.destination);
    if (idleMs === 0 || this.#entries.get(key) !== entry) return;
    const forget = () => {
      this.#idle.delete(entry);
      this.#entries.delete(key);
      entry.close();
    };
    this.#idle.set(entry, clock.setTimer(idleMs, forget, { unref: true }));
  }
}

function keyOf({ host, port, tls, serverName }: TcpDestination): string {
  return `${host.toLowerCase()}:${port} ${tls ? `tls ${serverName}` : ''}`;
}
