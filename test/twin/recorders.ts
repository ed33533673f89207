import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { freePorts } from '../peers/support/ports.ts';
import type { Answer } from './case.ts';
import { type Arrival, pairs, valuesOf } from './observation.ts';

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
  readonly #servers = new Map<string, Server>();
  readonly #ports = new Map<string, number>();
  readonly #scripts = new Map<string, Script>();
  /** Requests that have arrived so far. */
  arrived = 0;

  /** The ports of recorders, which are started at their first mention. */
  async ports(names: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    await Promise.all([...new Set(names)].map((name) => this.#start(name)));
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
    await Promise.all(
      [...this.#servers.values()].map(async (server) => {
        server.closeAllConnections();
        await once(server.close(), 'close');
      }),
    );
  }

  async #start(name: string): Promise<void> {
    if (this.#ports.has(name)) return;
    if (name === REFUSED) {
      const [port = 0] = await freePorts(1);
      this.#ports.set(name, port);
      return;
    }
    const server = createServer(
      { requireHostHeader: false, maxHeaderSize: 1 << 20, keepAliveTimeout: 0, joinDuplicateHeaders: false },
      (request, response) => void this.#record(name, request, response),
    );
    // It takes a request whose sender waits for a word first, and says the word only where the script does.
    server.on('checkContinue', (request, response) => {
      response.writeContinue();
      void this.#record(name, request, response);
    });
    server.on('checkExpectation', (request, response) => void this.#record(name, request, response));
    server.requestTimeout = 0;
    server.headersTimeout = 0;
    server.maxRequestsPerSocket = 0;
    this.#servers.set(name, server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#ports.set(name, (server.address() as AddressInfo).port);
  }

  async #record(server: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const recorder = labelOf(server);
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      return; // The sender went away.
    }
    const headers = pairs(request.rawHeaders);
    const script = this.#scripts.get(valuesOf(headers, CALL_HEADER)[0] ?? '');
    const attempt = script?.arrivals.length ?? 0;
    script?.arrivals.push({
      recorder,
      method: request.method ?? '',
      path: request.url ?? '',
      headers,
      body: Buffer.concat(chunks).toString('latin1'),
      trailers: pairs(request.rawTrailers),
      connection: request.socket.remotePort ?? 0,
    });
    const answers = script?.answers ?? [];
    const chosen = answers[attempt] ?? answers.at(-1) ?? {};
    this.arrived++;
    if (chosen.gate !== undefined) await chosen.gate;
    if (chosen.delayMs === undefined) return answer(response, chosen, recorder);
    const timer = setTimeout(() => answer(response, chosen, recorder), chosen.delayMs);
    response.once('close', () => clearTimeout(timer));
  }
}

/** Recorders named `reviews #1` and `reviews #2` are told apart by their ports only: both are `reviews`. */
function labelOf(name: string): string {
  return name.replace(/ #\d+$/, '');
}

function answer(response: ServerResponse, script: Answer, recorder: string): void {
  if (script.silent) return;
  const { socket } = response;
  if (socket === null || script.reset === 'before') {
    socket?.resetAndDestroy();
    return;
  }
  if (script.raw !== undefined) {
    socket.end(script.raw, 'latin1');
    return;
  }
  for (const status of script.informational ?? []) {
    if (status === 103) response.writeEarlyHints({ link: '</style.css>; rel=preload' });
    else response.writeProcessing();
  }
  const { status = 200, headers = [], body = recorder, trailers = [] } = script;
  response.sendDate = false;
  // Says nothing of the connection by itself: what the script says is all there is.
  response.removeHeader('connection');
  const bodyless = status === 204 || status === 304;
  const length =
    trailers.length > 0 || bodyless || script.reset ? [] : ['content-length', `${Buffer.byteLength(body)}`];
  const named = headers.some(([name]) => name.toLowerCase() === 'content-length');
  response.writeHead(status, [...headers.flat(), ...(named ? [] : length)]);
  if (trailers.length > 0) response.addTrailers(trailers.map(([name, value]): [string, string] => [name, value]));
  if (script.reset === 'after') {
    response.write(body, () => socket.resetAndDestroy());
    return;
  }
  response.end(bodyless ? undefined : body);
}
