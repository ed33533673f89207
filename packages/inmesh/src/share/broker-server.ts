import { chmodSync } from 'node:fs';
import * as net from 'node:net';
import { type Clock, type MessageStream, outsideContext, type StreamHandlers, type Timer } from '@inmesh/core';
import type { FeedHost } from '@inmesh/xds';
import type { BrokerSeats, Seat } from './broker-seats.ts';
import { FramedSocket } from './framed-socket.ts';
import { Heartbeat } from './heartbeat.ts';

/** Milliseconds between two looks whether another took over: a broker that stood still must not go on beside its successor. */
const lookMs = 1_000;

/** Milliseconds after which a guest that says nothing is let go; it comes back by itself. Long, because it costs little. */
const guestDeadMs = 30_000;

export interface BrokerServerOptions {
  readonly seats: BrokerSeats;
  readonly clock: Clock;
  readonly accept: FeedHost['accept'];
  /** Another process is the broker now. */
  readonly onDeposed: () => void;
}

/** The broker's end: guests come by a unix socket that only this user can open. */
export class BrokerServer {
  readonly #options: BrokerServerOptions;
  readonly #server: net.Server;
  readonly #sockets = new Set<FramedSocket>();
  #timer: Timer | null = null;
  #closed = false;

  private constructor(options: BrokerServerOptions) {
    this.#options = options;
    this.#server = net.createServer((socket) => this.#welcome(new FramedSocket(socket)));
    this.#server.unref();
  }

  /** Null where another process has that seat, or one beyond it. */
  static async open(seat: Seat, options: BrokerServerOptions): Promise<BrokerServer | null> {
    const made = outsideContext(() => new BrokerServer(options));
    return (await made.#take(seat)) ? made : null;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.#server.close();
    for (const socket of this.#sockets) socket.drop();
  }

  async #take(seat: Seat): Promise<boolean> {
    const { seats } = this.#options;
    if (!(await listen(this.#server, seat.path))) return false;
    // A fault of accept() concerns one guest, which tries again.
    this.#server.on('error', () => {});
    let mark: string;
    try {
      chmodSync(seat.path, 0o600);
      mark = seats.markOf(seat);
    } catch {
      this.close();
      return false;
    }
    if (!seats.isInForce(seat, mark)) {
      this.close();
      return false;
    }
    seats.removeOlder(seat);
    this.#look(seat, mark);
    return true;
  }

  #look(seat: Seat, mark: string): void {
    const { clock, seats, onDeposed } = this.#options;
    this.#timer = clock.setTimer(
      lookMs,
      () => {
        if (seats.isInForce(seat, mark)) {
          this.#look(seat, mark);
          return;
        }
        this.close();
        onDeposed();
      },
      { unref: true },
    );
  }

  #welcome(socket: FramedSocket): void {
    this.#sockets.add(socket);
    this.#options.accept(
      (handlers) => this.#stream(socket, handlers),
      () => this.#sockets.delete(socket),
    );
  }

  #stream(socket: FramedSocket, handlers: StreamHandlers): MessageStream {
    const gone = () => handlers.onEnd({ code: 14, message: 'the guest is gone' });
    const heartbeat = new Heartbeat({
      clock: this.#options.clock,
      everyMs: guestDeadMs / 3,
      deadMs: guestDeadMs,
      onBeat: () => {},
      onDead: () => {
        socket.close();
        gone();
      },
    });
    socket.handlers = {
      onFrame: (frame) => {
        heartbeat.heard();
        if (frame.length === 0) socket.send(frame);
        else handlers.onMessage(frame);
      },
      onGone: () => {
        heartbeat.stop();
        gone();
      },
    };
    return {
      send: (message) => socket.send(message),
      // One part is on its way at a time, so there is nothing to hold back.
      pause() {},
      resume() {},
      close: () => {
        heartbeat.stop();
        socket.close();
      },
    };
  }
}

/** False where somebody else has the path. */
function listen(server: net.Server, path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    };
    server.once('error', failed);
    // Exclusive: a worker of node:cluster would otherwise get the socket of its primary, and share its guests with all others.
    server.listen({ path, exclusive: true }, () => {
      server.off('error', failed);
      resolve(true);
    });
  });
}
