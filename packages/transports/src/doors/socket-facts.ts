import { Socket } from 'node:net';
import { outsideContext } from '@inmesh/core';

/** What the owner of a stream tells its socket, kept until there is one, and how long nothing was heard of either. */
export class SocketFacts {
  /** Null until there is a connection, and where it is no socket. */
  socket: Socket | null = null;
  readonly #onTimeout: () => void;
  #told: ((socket: Socket) => void)[] = [];
  #timer: NodeJS.Timeout | null = null;

  constructor(onTimeout: () => void) {
    this.#onTimeout = onTimeout;
  }

  tell(said: (socket: Socket) => void): void {
    if (this.socket === null) this.#told.push(said);
    else said(this.socket);
  }

  use(stream: unknown): void {
    if (!(stream instanceof Socket)) return;
    this.socket = stream;
    for (const said of this.#told.splice(0)) said(stream);
  }

  /** Milliseconds; 0 ends it. The timer is the platform's, as a socket's own would be. */
  await(ms: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = ms > 0 ? outsideContext(() => setTimeout(this.#onTimeout, ms).unref()) : null;
  }

  touch(): void {
    this.#timer?.refresh();
  }
}
