import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isMeshError, type Mesh } from 'inmesh';

/** A request as a service got it. */
export interface Seen {
  readonly cluster: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
}

/** Notes what arrives where: the claims are counted from it, not from what callers believe. */
export class Ledger {
  readonly #seen: Seen[] = [];

  note(cluster: string, { url = '', headers }: IncomingMessage): void {
    this.#seen.push({ cluster, path: url, headers });
  }

  /** What has arrived since it was last asked. */
  take(): readonly Seen[] {
    return this.#seen.splice(0);
  }
}

/** An HTTP service on a port of its own. */
export class Service implements AsyncDisposable {
  readonly cluster: string;
  readonly #server: Server;

  private constructor(cluster: string, server: Server) {
    this.cluster = cluster;
    this.#server = server;
  }

  static async start(cluster: string, ledger: Ledger, answer: RequestListener): Promise<Service> {
    const server = createServer((request, response) => {
      ledger.note(cluster, request);
      answer(request, response);
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new Service(cluster, server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

/** Reviews ask ratings over their own mesh, under whatever overrides the request brings and they accept. */
export function reviews(meshOf: () => Mesh): RequestListener {
  return async (request, response) => {
    const mesh = meshOf();
    const ask = async () => (await mesh.fetch('http://ratings:9080/ratings')).text();
    try {
      response.end(await mesh.withIncoming(request.headers, ask));
    } catch (error) {
      const refused = isMeshError(error);
      response.writeHead(refused ? error.status : 500).end(refused ? error.reason : 'no ratings');
    }
  };
}

export const ratings: RequestListener = (_, response) => {
  response.end('five stars');
};
