import { connect, type Server, type Socket } from 'node:net';
import { type Clock, systemClock, type Timer } from '@inmesh/core';
import { startTcp, type Upstream } from '../../support/servers.ts';

/**
 * What becomes of bytes and of the ends of connections: `pass`; `drop`, as where a host is gone: nothing goes on, and
 * nobody is told; `trickle`: a byte a second each way.
 */
export type WireMode = 'pass' | 'drop' | 'trickle';

/** Stands between a client and a server, and does to their connections what networks do. */
export class Wire implements AsyncDisposable {
  mode: WireMode = 'pass';
  readonly #port: number;
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #timers = new Set<Timer>();
  #server: Upstream<Server> | null = null;

  private constructor(port: number, clock: Clock) {
    this.#port = port;
    this.#clock = clock;
  }

  /** In front of a port of 127.0.0.1. `clock`: whose seconds a trickle has. */
  static async start(port: number, clock: Clock = systemClock): Promise<Wire> {
    const wire = new Wire(port, clock);
    wire.#server = await startTcp((socket) => wire.#join(socket), { allowHalfOpen: true });
    return wire;
  }

  get address(): string {
    return `127.0.0.1:${this.#server?.port}`;
  }

  /** Connections taken so far. */
  get accepted(): number {
    return this.#server?.accepted ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    for (const socket of this.#sockets) socket.destroy();
    await this.#server?.close();
  }

  #join(client: Socket): void {
    // Whoever connects while all is dropped is never heard of, nor is what they say: not even later.
    const server = this.mode === 'drop' ? null : connect({ port: this.#port, host: '127.0.0.1', allowHalfOpen: true });
    for (const socket of [client, server]) {
      if (socket === null) continue;
      this.#sockets.add(socket.setNoDelay(true));
      socket.on('error', () => {}).on('close', () => this.#sockets.delete(socket));
    }
    this.#pipe(client, server);
    if (server !== null) this.#pipe(server, client);
  }

  #pipe(from: Socket, to: Socket | null): void {
    const trickle: number[] = [];
    let ticking = false;
    const tick = (): void => {
      const byte = trickle.shift();
      ticking = byte !== undefined;
      if (byte === undefined || to === null) return;
      if (this.mode !== 'drop') to.write(Uint8Array.of(byte));
      const timer = this.#clock.setTimer(1_000, () => {
        this.#timers.delete(timer);
        tick();
      });
      this.#timers.add(timer);
    };
    // Where a packet was dropped, nothing that comes after it is of any use.
    let broken = false;
    from.on('data', (chunk: Buffer) => {
      broken ||= this.mode === 'drop';
      if (broken) return;
      if (this.mode === 'pass' && !ticking) {
        to?.write(chunk);
        return;
      }
      for (const byte of chunk) trickle.push(byte);
      if (!ticking) tick();
    });
    from.on('close', () => {
      if (!broken && this.mode !== 'drop') to?.destroy();
    });
    from.on('end', () => {
      if (!broken && this.mode !== 'drop') to?.end();
    });
  }
}
