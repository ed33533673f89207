import type { MessagePort } from 'node:worker_threads';
import type { MessageStream, StreamHandlers } from '@inmesh/core';

/** One end of a channel between threads. It keeps neither of them alive; the other end is gone when it was closed, or its thread ended. */
export function portStream(port: MessagePort, handlers: StreamHandlers): MessageStream {
  let closed = false;
  port.on('message', (message: unknown) => {
    if (!closed && message instanceof Uint8Array) handlers.onMessage(message);
  });
  port.on('close', () => {
    if (closed) return;
    closed = true;
    handlers.onEnd({ code: 14, message: 'the other thread is gone' });
  });
  port.unref();
  return {
    // Its memory goes to the other thread: nobody here looks at it again.
    send: (message) => port.postMessage(message, message.buffer instanceof ArrayBuffer ? [message.buffer] : []),
    // One part is on its way at a time, so there is nothing to hold back.
    pause() {},
    resume() {},
    close: () => {
      closed = true;
      port.close();
    },
  };
}
