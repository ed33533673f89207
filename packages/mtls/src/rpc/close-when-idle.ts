import type { RpcTransport } from '@inmesh/core';

/** The same transport, whose connection is closed once no stream is open: a source that nobody watches leaves nothing behind. */
export function closeWhenIdle(transport: RpcTransport): RpcTransport {
  let streams = 0;
  return {
    open: (path, metadata, handlers) => {
      let open = true;
      const leave = () => {
        if (!open) return;
        open = false;
        streams--;
        if (streams === 0) transport.close();
      };
      streams++;
      const stream = transport.open(path, metadata, {
        onOpen: () => handlers.onOpen?.(),
        onMessage: (message) => handlers.onMessage(message),
        onEnd: (status) => {
          leave();
          handlers.onEnd(status);
        },
      });
      return {
        send: (message) => stream.send(message),
        finish: () => stream.finish(),
        pause: () => stream.pause(),
        resume: () => stream.resume(),
        close: () => {
          stream.close();
          leave();
        },
      };
    },
    close: () => transport.close(),
  };
}
