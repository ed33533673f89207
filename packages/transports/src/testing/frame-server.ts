import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { portOf } from './connection-scene.ts';
import { ACK, FRAME, type Frame, FrameReader, frame, settings } from './h2-frames.ts';

/** A server of one connection at a time whose every frame is the test's; it answers SETTINGS by itself. */
export class FrameServer {
  readonly frames: Frame[] = [];
  /** Called with each request, by the number of its stream. */
  onRequest: (stream: number) => void = () => {};
  readonly #server: Server;
  readonly #greeting: Buffer;
  readonly #answersPings: boolean;
  #socket: Socket | null = null;
  #waiting: (() => void) | null = null;

  constructor({ greeting = settings(), answersPings = true }: { greeting?: Buffer; answersPings?: boolean } = {}) {
    this.#greeting = greeting;
    this.#answersPings = answersPings;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  get port(): number {
    return portOf(this.#server);
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  send(...bytes: Buffer[]): void {
    this.#socket?.write(Buffer.concat(bytes));
  }

  /** Closes the connection in the proper way, or by a reset. */
  hangUp(reset = false): void {
    if (reset) this.#socket?.resetAndDestroy();
    else this.#socket?.end();
  }

  /** Reads nothing any more. */
  freeze(): void {
    this.#socket?.pause();
  }

  async until(what: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const found = this.frames.find(what);
      if (found !== undefined) return found;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
  }

  async close(): Promise<void> {
    this.#socket?.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(socket: Socket): void {
    this.#socket = socket;
    const reader = new FrameReader();
    socket.on('error', () => {});
    socket.write(this.#greeting);
    socket.on('data', (chunk) => {
      for (const one of reader.push(chunk)) this.#hear(one);
      this.#waiting?.();
    });
  }

  #hear(one: Frame): void {
    this.frames.push(one);
    // A server's own SETTINGS come before anything else.
    const acknowledges = this.#greeting.length > 0;
    if (one.type === FRAME.settings && (one.flags & ACK) === 0 && acknowledges)
      this.send(frame(FRAME.settings, ACK, 0));
    if (one.type === FRAME.ping && (one.flags & ACK) === 0 && this.#answersPings) {
      this.send(frame(FRAME.ping, ACK, 0, one.payload));
    }
    if (one.type === FRAME.headers) this.onRequest(one.stream);
  }
}
