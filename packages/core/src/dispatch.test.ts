import assert from 'node:assert/strict';
import { compose, type Layer, PassHandler } from './dispatch.ts';
import { Headers } from './headers.ts';
import { send } from './testing/caller.ts';
import { Inner } from './testing/inner.ts';

describe('compose', () => {
  it('makes the first layer in the list the outermost', () => {
    const seen: string[] = [];
    const layer =
      (name: string): Layer =>
      (next) =>
      (call, handler) => {
        seen.push(`${name} in`);
        next(
          call,
          new (class extends PassHandler {
            override onResponseEnd(trailers: Headers): void {
              seen.push(`${name} out`);
              super.onResponseEnd(trailers);
            }
          })(handler),
        );
      };
    const inner = new Inner();
    send(compose([layer('first'), layer('second'), layer('third')], inner.dispatch));
    inner.last.answer();
    assert.deepEqual(seen, ['first in', 'second in', 'third in', 'third out', 'second out', 'first out']);
  });

  it('is the innermost alone where there are no layers', () => {
    const inner = new Inner();
    assert.equal(compose([], inner.dispatch), inner.dispatch);
  });
});

describe('PassHandler', () => {
  it('passes every event on', () => {
    const inner = new Inner();
    const { caller } = send((call, handler) => inner.dispatch(call, new PassHandler(handler)));
    inner.last.begin().sent();
    inner.last.handler.onInformational(103, Headers.empty());
    inner.last.start(200).data('a').data('b').end();
    assert.deepEqual(caller.said, ['sending', 'sent', 'informational 103', 'start 200', 'data a', 'data b', 'end']);
    const failed = send((call, handler) => inner.dispatch(call, new PassHandler(handler)));
    inner.last.break();
    assert.deepEqual(failed.caller.said, ['error connection_termination UC']);
    const upgraded = send((call, handler) => inner.dispatch(call, new PassHandler(handler)));
    inner.last.handler.onUpgrade(101, Headers.empty(), null as never);
    assert.deepEqual(upgraded.caller.said, ['upgrade 101']);
  });
});
