import { type Clock, type RpcTransport, systemClock } from '@inmesh/core';

/** Counts what is held open by whoever uses its clock and transports. */
export class Holdings {
  count = 0;
  readonly clock: Clock = {
    now: () => systemClock.now(),
    wallNow: () => systemClock.wallNow(),
    afterInput: (callback) => systemClock.afterInput(callback),
    setTimer: (ms, callback, options) => {
      const release = this.#hold();
      const timer = systemClock.setTimer(
        ms,
        () => {
          release();
          callback();
        },
        options,
      );
      return {
        cancel: () => {
          release();
          timer.cancel();
        },
      };
    },
  };

  /** The same transport; its streams count. */
  transport(inner: RpcTransport): RpcTransport {
    return {
      open: (path, metadata, handlers) => {
        const release = this.#hold();
        const stream = inner.open(path, metadata, {
          onOpen: () => handlers.onOpen?.(),
          onMessage: (message) => handlers.onMessage(message),
          onEnd: (status) => {
            release();
            handlers.onEnd(status);
          },
        });
        return {
          send: (message) => stream.send(message),
          finish: () => stream.finish(),
          pause: () => stream.pause(),
          resume: () => stream.resume(),
          close: () => {
            release();
            stream.close();
          },
        };
      },
      close: () => inner.close(),
    };
  }

  #hold(): () => void {
    let held = true;
    this.count++;
    return () => {
      if (held) this.count--;
      held = false;
    };
  }
}
