import type { Http2Session, Http2Stream } from 'node:http2';
import type { Socket } from 'node:net';

/** Stands between a session and what Node would do to it of its own accord. */
export class SessionGuard {
  readonly #session: Http2Session;
  readonly #streams: () => Iterable<Http2Stream>;
  readonly #symbol: symbol | undefined;
  #staying = false;

  /** @param streams those that are open. */
  constructor(session: Http2Session, socket: Socket, streams: () => Iterable<Http2Stream>) {
    this.#session = session;
    this.#streams = streams;
    this.#symbol = Object.getOwnPropertySymbols(session).find(({ description }) => description === 'kHandle');
    const { close, destroy } = session;
    session.close = (callback) => {
      if (this.#stays()) return;
      close.call(session, callback);
    };
    session.destroy = (error, code) => {
      if (this.#stays()) return;
      this.#keepAll();
      destroy.call(session, error, code);
    };
    // Node's own listeners destroy the session without asking.
    const keepAll = () => this.#keepAll();
    socket.prependListener('error', keepAll).prependListener('close', keepAll);
  }

  /**
   * For a GOAWAY, as soon as whose listeners return Node destroys the session for any code but NO_ERROR, with all its streams; and
   * for that one closes it, after which it notices neither broken HTTP/2 nor the end of the socket. Calls in flight go on.
   */
  stayOpen(): void {
    this.#staying = true;
  }

  /**
   * Node aborts the whole process (`current_nghttp2_memory_ == 0`) where it collects a session before a stream of it whose
   * headers had come in part when it ended and whose last bytes were still being written: the other side can bring that about.
   * What Node has of the session is held until it has collected what it has of the stream.
   */
  keep(stream: Http2Stream): void {
    const session = handleOf(this.#session, this.#symbol);
    const handle = handleOf(stream, this.#symbol);
    if (session !== null && handle !== null) collected.register(handle, session);
  }

  #keepAll(): void {
    for (const stream of this.#streams()) this.keep(stream);
  }

  #stays(): boolean {
    const stays = this.#staying;
    this.#staying = false;
    return stays;
  }
}

/** What it holds for a stream it lets go once that was collected; there is nothing else to do then. */
const collected = new FinalizationRegistry<object>(() => {});

/** Node's own half of a session or a stream. Null once it has none, or where a version of Node names it otherwise. */
function handleOf(owner: object, symbol: symbol | undefined): object | null {
  const handle: unknown = symbol === undefined ? null : Reflect.get(owner, symbol);
  return typeof handle === 'object' ? handle : null;
}
