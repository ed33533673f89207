import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Answer } from './answer.ts';

/** Gives each connection the answer that is set. On a unix-domain socket: a hundred thousand connections have more ports than there are. */
export class BadServer {
  readonly path: string;
  answer: Answer | null = null;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => void this.#serve(socket));
  }

  async listen(): Promise<void> {
    this.#server.listen(this.path);
    await once(this.#server, 'listening');
  }

  /** Resolves once no connection is left. */
  async close(): Promise<void> {
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** After a failure, when connections may be left. */
  destroy(): void {
    this.#server.close();
    this.#server.unref();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #serve(socket: Socket): Promise<void> {
    const { answer } = this;
    if (answer === null) throw new Error('a connection without an answer');
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    if (!answer.eager) await asked(socket);
    if (answer.deaf) socket.pause();
    else socket.resume();
    let from = 0;
    for (const to of [...answer.cuts, answer.bytes.length]) {
      if (to > from) socket.write(answer.bytes.subarray(from, to));
      from = to;
      await setImmediate();
    }
    socket.end(() => setTimeout(() => socket.destroy(), 0));
  }
}

/** Resolves with the first bytes of the request, or where none will come. */
function asked(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('data', () => resolve());
    socket.once('close', () => resolve());
  });
}
