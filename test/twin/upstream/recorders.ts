import { constants } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { freePorts } from '../../peers/support/ports.ts';
import type { Answer } from '../case.ts';
import { type Arrival, valuesOf } from '../observation.ts';
import { TwinCertificates } from './certificates.ts';
import { http1Recorder } from './http1.ts';
import { http2Recorder } from './http2.ts';
import type { Recording } from './script.ts';
import { type ServerKind, serverOf } from './servers.ts';
import { Upstream, type UpstreamKind } from './upstream.ts';

/** Tells calls apart, at the recorders and in Envoy's log. The only header that the twin adds to a request. */
export const CALL_HEADER = 'x-call';

/** The name of an endpoint on which nobody listens. */
const REFUSED = 'refused';

interface Script {
  readonly answers: readonly Answer[];
  readonly arrivals: Arrival[];
}

/**
 * The upstreams of all cases: servers in this process that note exactly what arrives and answer by the script of the call. The script
 * is given beside the request, so that it cannot disturb what is being judged.
 */
export class Recorders {
  readonly upstream: Upstream;
  readonly certificates: TwinCertificates;
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();
  readonly #ports = new Map<string, number>();
  readonly #scripts = new Map<string, Script>();
  /** Requests that have arrived so far. */
  arrived = 0;

  private constructor(upstream: Upstream, certificates: TwinCertificates) {
    this.upstream = upstream;
    this.certificates = certificates;
  }

  static async create(kind: UpstreamKind): Promise<Recorders> {
    return new Recorders(await Upstream.create(kind), await TwinCertificates.create());
  }

  /** The ports of recorders, which are started at their first mention. `listens`: those that listen in a way of their own. */
  async ports(
    names: Iterable<string>,
    listens: ReadonlyMap<string, ServerKind> = new Map(),
  ): Promise<ReadonlyMap<string, number>> {
    await Promise.all([...new Set(names)].map((name) => this.#start(name, listens.get(name) ?? null)));
    return this.#ports;
  }

  /** Says how the requests of a call are answered. */
  expect(call: string, answers: readonly Answer[]): void {
    this.#scripts.set(call, { answers, arrivals: [] });
  }

  /** What arrived of a call so far. */
  arrivalsOf(call: string): readonly Arrival[] {
    return this.#scripts.get(call)?.arrivals ?? [];
  }

  forget(call: string): void {
    this.#scripts.delete(call);
  }

  async close(): Promise<void> {
    const closed = [...this.#servers.values()].map((server) => new Promise((resolve) => server.close(resolve)));
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
    this.upstream[Symbol.dispose]();
    this.certificates[Symbol.dispose]();
  }

  async #start(name: string, listens: ServerKind | null): Promise<void> {
    if (this.#ports.has(name)) return;
    if (name === REFUSED) {
      const [port = 0] = await freePorts(1);
      this.#ports.set(name, port);
      return;
    }
    const server = this.#serverOf(name, listens);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.#servers.set(name, server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#ports.set(name, (server.address() as AddressInfo).port);
  }

  #serverOf(name: string, listens: ServerKind | null): Server {
    const { http2, server } = this.upstream;
    const recorder = labelOf(name);
    const recording: Recording = { record: (request) => this.#record({ ...request, recorder }) };
    if (listens !== null) return serverOf(listens, recorder, recording, this.certificates);
    const make = http2 ? http2Recorder : http1Recorder;
    if (server === null) return make(recorder, recording, null) as Server;
    const { chain: cert, key, root: ca } = server;
    const ALPNProtocols = [http2 ? 'h2' : 'http/1.1'];
    // A session that is resumed tells no server name: each handshake is to be seen whole.
    const secureOptions = constants.SSL_OP_NO_TICKET;
    const tls = { cert, key, ca, requestCert: true, rejectUnauthorized: true, ALPNProtocols, secureOptions };
    return make(recorder, recording, tls).on('tlsClientError', () => {}) as Server;
  }

  #record(arrival: Arrival): Answer {
    const script = this.#scripts.get(valuesOf(arrival.headers, CALL_HEADER)[0] ?? '');
    const answers = script?.answers ?? [];
    const attempt = script?.arrivals.push(arrival) ?? 1;
    this.arrived++;
    return answers[attempt - 1] ?? answers.at(-1) ?? {};
  }
}

/** Recorders named `reviews #1` and `reviews #2` are told apart by their ports only: both are `reviews`. */
function labelOf(name: string): string {
  return name.replace(/ #\d+$/, '');
}
