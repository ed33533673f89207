import {
  Call,
  Cluster,
  type ClusterConfig,
  type Connection,
  type ConnectionEvents,
  type Connector,
  type Endpoint,
  type Handler,
  Headers,
  type HttpProtocol,
  noConnector,
  systemClock,
} from '@inmesh/core';
import { appCluster } from '../routing/routes.ts';
import type { Row } from '../suite.ts';

/** What is measured: how a call finds its connection among those of its host, and gives it back. */
interface PoolSubject {
  readonly name: string;
  readonly protocol: HttpProtocol;
  /** Open and idle while calls come and go. */
  readonly connections: number;
}

/** Calls between two looks at the clock. */
const BATCH = 500;

const SUBJECTS: readonly PoolSubject[] = [
  { name: '1 connection', protocol: 'http1', connections: 1 },
  { name: '1,000 connections', protocol: 'http1', connections: 1_000 },
  { name: '1 connection, HTTP/2', protocol: 'http2', connections: 1 },
];

/** What the pools cost, in nanoseconds of one thread. Round 0 warms up. */
export async function poolRows(rounds: number, seconds: number): Promise<Row[]> {
  const scenes = await Promise.all(SUBJECTS.map((subject) => PoolScene.open(subject)));
  const rows: Row[] = [];
  for (let round = 0; round <= rounds; round++) {
    for (const [index, scene] of scenes.entries()) {
      const row = { suite: 'connections', case: 'pool', subject: SUBJECTS[index]?.name ?? '', round };
      const ns = scene.measure(seconds);
      if (round > 0) rows.push({ ...row, ns });
    }
  }
  return rows;
}

/** Nanoseconds for a call from the cluster to a connection that answers at once, and back: no socket, no codec, no balancer. */
class PoolScene {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #calls = Array.from({ length: BATCH }, makeCall);
  readonly #handler = new Ends();

  private constructor(cluster: Cluster, endpoint: Endpoint) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
  }

  static async open({ protocol, connections }: PoolSubject): Promise<PoolScene> {
    const config: ClusterConfig = appCluster();
    const choice = { ...config, protocol: { ...config.protocol, choice: protocol } };
    const gate: Gate = { open: false, held: [] };
    const connector = answersBehind(gate, protocol);
    const cluster = new Cluster(choice, { connector, clock: systemClock, random: Math.random });
    if (config.discovery.kind === 'static') cluster.assign(config.discovery.assignment);
    const [endpoint] = cluster.endpoints.values();
    if (endpoint === undefined) throw new Error('the cluster of the bench has an endpoint');
    const scene = new PoolScene(cluster, endpoint);
    await scene.#fill(connections, gate);
    return scene;
  }

  measure(seconds: number): number {
    const from = process.hrtime.bigint();
    const until = from + BigInt(Math.round(seconds * 1e9));
    let done = 0;
    let now = from;
    while (now < until) {
      for (const call of this.#calls) this.#cluster.connect(this.#endpoint, call, this.#handler);
      done += BATCH;
      now = process.hrtime.bigint();
    }
    if (this.#handler.ended < done) throw new Error(`${this.#handler.ended} of ${done} calls ended`);
    return Number(now - from) / done;
  }

  /** So many calls at once, each on a connection of its own, are all answered only when all have one. */
  async #fill(connections: number, gate: Gate): Promise<void> {
    for (let i = 0; i < connections; i++) this.#cluster.connect(this.#endpoint, makeCall(), this.#handler);
    while (gate.held.length < connections) await new Promise((resolve) => setImmediate(resolve));
    gate.open = true;
    for (const answer of gate.held.splice(0)) answer();
    const open = this.#cluster.stats.upstream_cx_active;
    if (open !== connections) throw new Error(`${open} connections are open, not ${connections}`);
  }
}

/** Calls wait behind it until it is open. */
interface Gate {
  open: boolean;
  readonly held: (() => void)[];
}

function answersBehind(gate: Gate, protocol: HttpProtocol): Connector {
  return {
    open: (...args) => ({
      ...noConnector.open(...args),
      connect(_endpoint, _key, events, callback) {
        queueMicrotask(() => callback(null, new Answers(protocol, events, gate)));
        return { cancel: () => {} };
      },
    }),
  };
}

const HEADERS: readonly string[] = ['content-length', '0'];

/** Answers before `dispatch` returns, once its pool is full. */
class Answers implements Connection {
  readonly protocol: HttpProtocol;
  readonly maxConcurrent: number;
  readonly tls = null;
  readonly #events: ConnectionEvents;
  readonly #gate: Gate;

  constructor(protocol: HttpProtocol, events: ConnectionEvents, gate: Gate) {
    this.protocol = protocol;
    this.maxConcurrent = protocol === 'http1' ? 1 : 100;
    this.#events = events;
    this.#gate = gate;
  }

  dispatch(_call: Call, handler: Handler): void {
    if (this.#gate.open) this.#answer(handler);
    else this.#gate.held.push(() => this.#answer(handler));
  }

  close(): void {
    this.#events.onClosed(this);
  }

  destroy(): void {
    this.#events.onClosed(this);
  }

  #answer(handler: Handler): void {
    handler.onRequestSent(true);
    handler.onResponseStart(200, Headers.from(HEADERS.slice()), 'OK');
    this.#events.onFree(this);
    handler.onResponseEnd(Headers.empty());
  }
}

class Ends implements Handler {
  ended = 0;

  onRequestSent(): void {}
  onInformational(): void {}
  onUpgrade(): void {}
  onResponseStart(): void {}
  onResponseData(): void {}
  onResponseEnd(): void {
    this.ended++;
  }
  onResponseError(error: Error): void {
    throw error;
  }
}

function makeCall(): Call {
  const head = {
    method: 'GET',
    scheme: 'http',
    authority: 'shop',
    path: '/',
    headers: Headers.empty(),
    upgrade: null,
  } as const;
  return new Call(head, null, {
    failAs: 'error',
    target: 'shop:80',
    headersTimeoutMs: null,
    bodyTimeoutMs: null,
    overrides: null,
    protocol: 'http1',
    passThrough: null,
  });
}
