import * as net from 'node:net';
import { type Clock, outsideContext, type Random } from '@inmesh/core';
import type { FeedHost, FeedWay } from '@inmesh/xds';
import { BrokerSeats, type Seat } from './broker-seats.ts';
import { BrokerServer } from './broker-server.ts';
import { FramedSocket } from './framed-socket.ts';
import { Heartbeat } from './heartbeat.ts';

/** Milliseconds between two heartbeats of a guest. */
const beatMs = 1_000;

/**
 * Milliseconds of silence after which a broker counts as dead, and another process takes over. A broker that was only busy for so
 * long becomes a guest of its successor; calls notice neither.
 */
const brokerDeadMs = 5_000;

/** Tries to find a broker or to become it, before this process asks for itself. Each that fails means that another process was faster. */
const maxTries = 50;

/** Milliseconds between two tries, at most; the first ones follow at once. */
const pauseMs = 50;

const eagerTries = 3;

export interface BrokerOptions {
  /** Where processes of one host meet. */
  readonly directory: string;
  readonly key: string;
  readonly accept: FeedHost['accept'];
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (warning: Error) => void;
  /** Another process is the broker now. */
  readonly onDeposed: () => void;
}

/** One process's part in the broker of a host: whoever is first has the stream, and the others are its guests. */
export class Broker {
  readonly #options: BrokerOptions;
  readonly #seats: BrokerSeats;
  #server: BrokerServer | null = null;
  /** The path of a broker that says nothing any more. */
  #mute: string | null = null;
  #unusable: boolean;
  #closed = false;
  #search: Promise<FeedWay | null> | null = null;

  constructor(options: BrokerOptions) {
    this.#options = options;
    this.#seats = new BrokerSeats(options.directory, options.key);
    this.#unusable = process.platform === 'win32';
    if (this.#unusable) this.#warn('this system has no unix sockets with owners');
  }

  /** The way to the broker; null where that is this process. */
  seek(): Promise<FeedWay | null> {
    if (this.#unusable || this.#closed || this.#server !== null) return Promise.resolve(null);
    this.#search ??= this.#find()
      .catch((error: Error) => {
        this.#unusable = true;
        this.#warn(error.message);
        return null;
      })
      .finally(() => {
        this.#search = null;
      });
    return this.#search;
  }

  /** Its guests find another. */
  close(): void {
    this.#closed = true;
    this.#server?.close();
    this.#server = null;
  }

  async #find(): Promise<FeedWay | null> {
    this.#seats.prepare();
    for (let tries = 0; tries < maxTries && !this.#closed; tries++) {
      if (tries >= eagerTries) await this.#pause();
      const newest = this.#seats.newest();
      if (newest !== null && newest.path !== this.#mute) {
        const found = await this.#call(newest);
        if (found !== null) return found;
      }
      if (await this.#take(this.#seats.after(newest))) return null;
    }
    if (!this.#closed) this.#warn(`no broker was found in ${maxTries} tries, and none could be made`);
    return null;
  }

  async #take(seat: Seat): Promise<boolean> {
    const { clock, accept, onDeposed } = this.#options;
    const server = await BrokerServer.open(seat, {
      seats: this.#seats,
      clock,
      accept,
      onDeposed: () => {
        this.#server = null;
        onDeposed();
      },
    });
    if (this.#closed) server?.close();
    else this.#server = server;
    return server !== null;
  }

  /** Null where nobody answers there. */
  #call(seat: Seat): Promise<FeedWay | null> {
    const { clock } = this.#options;
    return new Promise((resolve, reject) => {
      const connecting = outsideContext(() => net.connect({ path: seat.path }));
      // Gone, or abandoned by a process that died.
      const failed = (error: NodeJS.ErrnoException) => {
        if (error.code === 'EACCES' || error.code === 'EPERM') reject(error);
        else resolve(null);
      };
      connecting.once('error', failed);
      const socket = new FramedSocket(connecting);
      const heartbeat = new Heartbeat({
        clock,
        everyMs: beatMs,
        deadMs: brokerDeadMs,
        onBeat: () => {},
        onDead: () => {
          this.#mute = seat.path;
          socket.close();
          resolve(null);
        },
      });
      socket.handlers = {
        onFrame: () => {
          heartbeat.stop();
          connecting.off('error', failed);
          resolve(this.#way(seat, socket));
        },
        onGone: () => {
          heartbeat.stop();
          resolve(null);
        },
      };
      // It answers each heartbeat: who is stopped takes connections all the same.
      connecting.once('connect', () => socket.send(new Uint8Array()));
    });
  }

  #way({ path }: Seat, socket: FramedSocket): FeedWay {
    const { clock } = this.#options;
    return {
      via: `the broker ${path}`,
      open: (handlers) => {
        const gone = (message: string) => handlers.onEnd({ code: 14, message });
        const heartbeat = new Heartbeat({
          clock,
          everyMs: beatMs,
          deadMs: brokerDeadMs,
          onBeat: () => socket.send(new Uint8Array()),
          onDead: () => {
            this.#mute = path;
            socket.close();
            gone('the broker says nothing any more');
          },
        });
        socket.handlers = {
          onFrame: (frame) => {
            heartbeat.heard();
            if (frame.length > 0) handlers.onMessage(frame);
          },
          onGone: () => {
            heartbeat.stop();
            gone('the broker is gone');
          },
        };
        if (socket.closed) clock.afterInput(() => gone('the broker is gone'));
        return {
          send: (message) => socket.send(message),
          pause() {},
          resume() {},
          close: () => {
            heartbeat.stop();
            socket.close();
          },
        };
      },
    };
  }

  #pause(): Promise<void> {
    const { clock, random } = this.#options;
    return new Promise((resolve) => {
      outsideContext(() => clock.setTimer(random() * pauseMs, resolve, { unref: true }));
    });
  }

  #warn(reason: string): void {
    const { directory, onWarning } = this.#options;
    onWarning(new Error(`the feed is not shared by a broker in ${directory}: ${reason}`));
  }
}
