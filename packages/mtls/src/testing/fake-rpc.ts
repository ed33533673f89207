import type { RpcTransport, StreamHandlers } from '@inmesh/core';

/** A stream that was opened, from the server's side. */
export interface FakeRpcStream {
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly handlers: StreamHandlers;
  readonly sent: Uint8Array[];
  finished: boolean;
  closed: boolean;
}

/** A transport to nobody: a test answers in the server's place. */
export class FakeRpc implements RpcTransport {
  readonly streams: FakeRpcStream[] = [];
  /** How often the connection was closed. */
  closes = 0;

  get last(): FakeRpcStream {
    const last = this.streams.at(-1);
    if (last === undefined) throw new Error('no stream was opened');
    return last;
  }

  open(
    path: string,
    metadata: Readonly<Record<string, string>>,
    handlers: StreamHandlers,
  ): ReturnType<RpcTransport['open']> {
    const stream: FakeRpcStream = { path, metadata, handlers, sent: [], finished: false, closed: false };
    this.streams.push(stream);
    return {
      send: (message) => {
        stream.sent.push(message);
      },
      finish: () => {
        stream.finished = true;
      },
      pause: () => {},
      resume: () => {},
      close: () => {
        stream.closed = true;
      },
    };
  }

  close(): void {
    this.closes++;
  }
}
