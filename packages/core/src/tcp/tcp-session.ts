import type { Duplex } from 'node:stream';
import { isMeshError, MeshError, type MeshErrorPlace } from '../errors.ts';
import type { Clock, Timer } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { Random } from '../util/random.ts';
import type { TcpDestination } from './chain-match.ts';
import { connectStream } from './connect-stream.ts';
import { StreamTimers } from './stream-timers.ts';
import type { TcpDirectory, TcpEntry, TcpWay } from './tcp-directory.ts';
import { targetOf } from './tcp-target.ts';

export interface TcpParts {
  readonly directory: TcpDirectory;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds that a stream waits for what the feed says of its destination. */
  readonly holdTimeoutMs: number;
  /** Streams that wait at the same time; the next is refused. */
  readonly maxHeld: number;
}

/** Hears of one stream. */
export interface TcpSessionEvents {
  /** The bytes go this way. */
  onConnected(stream: Duplex): void;
  /** The mesh has no say: the stream goes where it would without it. */
  onPass(why: MeshError): void;
  onError(error: MeshError): void;
  /** Its time is over (idle_timeout, max_downstream_connection_duration): it ends as if the peer had closed it. */
  onExpired(): void;
}

/** Streams on their way through TCP proxies, and how many of them wait. */
export class TcpSessions {
  readonly parts: TcpParts;
  held = 0;

  constructor(parts: TcpParts) {
    this.parts = parts;
  }

  open(destination: TcpDestination, events: TcpSessionEvents): TcpSession {
    return new TcpSession(this, destination, events);
  }
}

/**
 * One stream of bytes of the application's, as a sidecar's TCP proxy would carry it: found by its destination, led to a cluster,
 * connected to a host with all that the cluster wants between TCP and the bytes, and ended when its time is over.
 */
export class TcpSession {
  readonly #owner: TcpSessions;
  readonly #destination: TcpDestination;
  readonly #events: TcpSessionEvents;
  readonly #entry: TcpEntry;
  /** Ends what it waits for: the feed, a host, a pause between attempts. */
  #leave: () => void = nothing;
  #way: TcpWay | null = null;
  #timers: StreamTimers | null = null;
  #over = false;

  constructor(owner: TcpSessions, destination: TcpDestination, events: TcpSessionEvents) {
    this.#owner = owner;
    this.#destination = destination;
    this.#events = events;
    this.#entry = owner.parts.directory.lookup(destination);
    const { way, error } = this.#entry;
    if (way !== null || error !== null) queueMicrotask(() => this.#enter());
    else
      this.#hold(
        () => this.#entry.way !== null || this.#entry.error !== null,
        () => this.#enter(),
      );
  }

  /** Bytes that the application wrote. */
  sent(bytes: number): void {
    if (this.#way !== null) this.#way.stats.downstream_cx_rx_bytes_total += bytes;
    this.#timers?.touch();
  }

  /** Bytes that it was given. */
  received(bytes: number): void {
    if (this.#way !== null) this.#way.stats.downstream_cx_tx_bytes_total += bytes;
    this.#timers?.touch();
  }

  /** The stream is over, or nobody wants it any more. Idempotent. */
  close(): void {
    if (this.#over) return;
    this.#over = true;
    this.#leave();
    this.#timers?.stop();
    if (this.#way !== null) this.#way.stats.downstream_cx_active--;
    this.#entry.release();
  }

  #enter(): void {
    if (this.#over) return;
    const { way, error, absent } = this.#entry;
    if (way === null) {
      if (absent) this.#pass(error as MeshError);
      else this.#fail(error as MeshError);
      return;
    }
    this.#way = way;
    way.stats.downstream_cx_total++;
    way.stats.downstream_cx_active++;
    const { clock, random } = this.#owner.parts;
    this.#timers = new StreamTimers(way, { clock, random }, () => this.#events.onExpired());
    const { unsupported, clusters } = way.proxy;
    if (unsupported.length > 0) {
      this.#fail(
        new MeshError(
          'unsupported',
          `the TCP proxy needs what this version lacks: ${unsupported.join(', ')}`,
          this.#place,
        ),
      );
      return;
    }
    const name = chooseCluster(clusters, random);
    if (way.cluster(name) === null)
      this.#hold(
        () => way.cluster(name) !== null,
        () => this.#connect(way, name),
      );
    else this.#connect(way, name);
  }

  #connect(way: TcpWay, name: string): void {
    if (this.#over) return;
    const cluster = way.cluster(name);
    if (cluster === null || isMeshError(cluster)) {
      way.stats.downstream_cx_no_route++;
      this.#fail(cluster ?? new MeshError('no_cluster', 'the cluster is not known', { ...this.#place, cluster: name }));
      return;
    }
    const target = targetOf(cluster, this.#destination);
    if (isMeshError(target)) this.#fail(target);
    else if (target === null) {
      const why = 'the TCP proxy leaves the stream to its original destination, outside the mesh';
      this.#pass(new MeshError('not_in_mesh', why, { ...this.#place, cluster: name }));
    } else
      this.#leave = connectStream({ proxy: way.proxy, target, ...this.#owner.parts }, (error, stream) =>
        this.#settled(error, stream),
      );
  }

  #settled(error: MeshError | null, stream: Duplex | null): void {
    this.#leave = nothing;
    if (stream === null) {
      this.#fail(error as MeshError);
      return;
    }
    this.#timers?.touch();
    this.#events.onConnected(stream);
  }

  /** Waits until the feed has told; bounded in number and time. */
  #hold(known: () => boolean, then: () => void): void {
    const { clock, holdTimeoutMs, maxHeld } = this.#owner.parts;
    if (this.#owner.held >= maxHeld) {
      const why = `${this.#owner.held} streams wait for the feed already (maxHeld)`;
      queueMicrotask(() => this.#fail(new MeshError('hold_overflow', why, this.#place)));
      return;
    }
    this.#owner.held++;
    let forget = nothing;
    const leave = () => {
      this.#leave = nothing;
      this.#owner.held--;
      timer.cancel();
      forget();
    };
    const timer: Timer = outsideContext(() =>
      clock.setTimer(holdTimeoutMs, () => {
        leave();
        const why = `the control plane has not told all that the stream needs within ${holdTimeoutMs} ms`;
        this.#fail(new MeshError('config_timeout', why, this.#place));
      }),
    );
    const look = () => {
      if (!known()) {
        forget = this.#entry.whenSettled(look);
        return;
      }
      leave();
      then();
    };
    this.#leave = leave;
    forget = this.#entry.whenSettled(look);
  }

  #pass(why: MeshError): void {
    this.close();
    this.#events.onPass(why);
  }

  #fail(error: MeshError): void {
    if (this.#over) return;
    this.close();
    this.#events.onError(error);
  }

  get #place(): MeshErrorPlace {
    return { authority: `${this.#destination.host}:${this.#destination.port}` };
  }
}

function chooseCluster(clusters: TcpWay['proxy']['clusters'], random: Random): string {
  const total = clusters.reduce((sum, { weight }) => sum + weight, 0);
  let point = clusters.length > 1 ? random() * total : 0;
  for (const { name, weight } of clusters) {
    if (point < weight) return name;
    point -= weight;
  }
  return clusters.at(-1)?.name ?? '';
}

function nothing(): void {}
