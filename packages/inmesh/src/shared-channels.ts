import type { MessageStream, StreamTransport } from '@inmesh/core';

interface SharedChannel {
  readonly transport: StreamTransport;
  /** Users that may open streams. */
  users: number;
  /** Streams that their owners did not close. */
  streams: number;
}

/**
 * One connection per control plane for all that speak to it: whole feeds, and authorities that differ in their second server
 * only. A connection without a stream is closed, and is opened again with the next one.
 */
export class SharedChannels {
  readonly #channels = new Map<string, SharedChannel>();

  /** `key`: what must be equal for a connection to be shared. `close` ends this user's share; its streams were closed before. */
  share(key: string, connect: () => StreamTransport): StreamTransport {
    const channel = this.#channels.get(key) ?? { transport: connect(), users: 0, streams: 0 };
    this.#channels.set(key, channel);
    channel.users++;
    let released = false;
    return {
      open: (path, metadata, handlers) => {
        let counted = true;
        const leave = () => {
          if (!counted) return;
          counted = false;
          channel.streams--;
        };
        channel.streams++;
        let stream: MessageStream;
        try {
          stream = channel.transport.open(path, metadata, {
            ...(handlers.onOpen === undefined ? {} : { onOpen: () => handlers.onOpen?.() }),
            onMessage: (message) => handlers.onMessage(message),
            onEnd: (status) => {
              // The connection stays: whoever had the stream opens the next one soon.
              leave();
              handlers.onEnd(status);
            },
          });
        } catch (error) {
          leave();
          throw error;
        }
        return {
          send: (message) => stream.send(message),
          pause: () => stream.pause(),
          resume: () => stream.resume(),
          close: () => {
            leave();
            stream.close();
            if (channel.streams === 0) channel.transport.close();
          },
        };
      },
      close: () => {
        if (released) return;
        released = true;
        channel.users--;
        if (channel.users > 0) return;
        this.#channels.delete(key);
        channel.transport.close();
      },
    };
  }
}
