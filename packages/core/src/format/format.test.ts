import assert from 'node:assert/strict';
import { Headers } from '../headers.ts';
import { makeCall } from '../testing/caller.ts';
import { compileFormat } from './format.ts';
import { FormatError } from './piece.ts';
import { type Shown, shownRequest } from './shown.ts';

const NOW = Date.UTC(2026, 10, 21, 6, 7, 8, 9);

function shown(options: Parameters<typeof makeCall>[0] = {}, more: Partial<Shown> = {}): Shown {
  return { ...shownRequest(makeCall(options), NOW), ...more };
}

function format(text: string, view: Shown = shown(), absent = '-'): string {
  return compileFormat(text, absent)(view);
}

describe('substitution formatter', () => {
  it('leaves text as it is, and makes one per cent sign of two', () => {
    assert.equal(format('plain'), 'plain');
    assert.equal(format(''), '');
    assert.equal(format('100%% sure'), '100% sure');
  });

  it('shows request headers and pseudo headers, the alternative where the first is absent, the first of several values', () => {
    const view = shown({ path: '/a?b=c', authority: 'shop', headers: ['X-Two', 'one', 'x-two', 'two'] });
    assert.equal(format('%REQ(:method)% %REQ(:PATH)% %REQ(:AUTHORITY)%', view), 'GET /a?b=c shop');
    assert.equal(format('%REQ(X-TWO)%', view), 'one');
    assert.equal(format('%REQ(x-none?X-Two)%', view), 'one');
    assert.equal(format('[%REQ(x-none)%]', view), '[-]');
    assert.equal(format('[%REQ(x-none)%]', view, ''), '[]');
    assert.equal(format('%REQ(:PATH):2%', view), '/a');
  });

  it('shows the response, once there is one', () => {
    const headers = Headers.from(['x-a', '1']);
    const view = shown({}, { status: 503, responseHeaders: headers, details: 'no healthy upstream', flags: 'UH' });
    assert.equal(
      format('%RESPONSE_CODE% %RESP(X-A)% %RESP(:status)% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%', view),
      '503 1 503 UH no_healthy_upstream',
    );
    assert.equal(format('%RESPONSE_CODE% %RESP(X-A)% %RESPONSE_FLAGS%'), '0 - -');
  });

  it('shows paths with and without query, as sent and as they came', () => {
    const view = shown({ path: '/new?x=1&y=', headers: ['x-envoy-original-path', '/old?z=2'] });
    assert.equal(format('%PATH()%', view), '/old?z=2');
    assert.equal(format('%PATH(NQ)%', view), '/old');
    assert.equal(format('%PATH(NQ:PATH)%', view), '/new');
    assert.equal(format('%PATH(WQ:ORIG)%', shown({ path: '/p' })), '-');
    assert.equal(format('%QUERY_PARAM(x)%,%QUERY_PARAM(y)%,%QUERY_PARAM(z)%', view), '1,,-');
    assert.equal(format('%REQ_WITHOUT_QUERY(:PATH)%', view), '/new');
  });

  it('shows times in UTC, in the format that is asked for', () => {
    assert.equal(format('%START_TIME%'), '2026-11-21T06:07:08.009Z');
    assert.equal(format('%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%'), '2026/11/21T06:07:08+0000 1795241228');
    assert.equal(format('%START_TIME(%s.%3f)%'), '1795241228.009');
    assert.equal(format('%START_TIME(%a %b %e %j %I%p %6f)%'), 'Sat Nov 21 325 06AM 009000');
  });

  it('shows metadata of the call by a path, strings bare and all else as JSON', () => {
    const view = shown();
    view.call.metadata = new Map([['my.ns', { key: 'v', deep: { n: [1, true] } }]]);
    assert.equal(format('%DYNAMIC_METADATA(my.ns:key)%', view), 'v');
    assert.equal(format('%DYNAMIC_METADATA(my.ns:deep)%', view), '{"n":[1,true]}');
    assert.equal(format('%DYNAMIC_METADATA(["my.ns", "key"])%', view), 'v');
    assert.equal(format('%DYNAMIC_METADATA(my.ns:none)%', view), '-');
    assert.equal(format('%DYNAMIC_METADATA(my.ns:key:deeper)%', view), '-');
  });

  it('takes the first operator of COALESCE that has a value', () => {
    const view = shown({ headers: ['x-b', 'b'] });
    const text =
      '%COALESCE({"operators": [{"command": "REQ", "param": "x-a"}, {"command": "REQ", "param": "x-b"}, "PROTOCOL"]})%';
    assert.equal(format(text, view), 'b');
    assert.equal(format(text), 'HTTP/1.1');
  });

  it('has no value for what the process of the caller does not know', () => {
    assert.equal(format('%DOWNSTREAM_REMOTE_ADDRESS%|%UPSTREAM_HOST%|%CONNECTION_ID%'), '-|-|-');
  });

  for (const [text, message] of [
    ['%', /valid command at position 0/],
    ['a %NOT CLOSED', /valid command at position 2/],
    ['%NO_SUCH_COMMAND%', /Not supported field in StreamInfo: NO_SUCH_COMMAND/],
    ['%REQ%', /REQ requires parameters/],
    ['%PROTOCOL(x)%', /PROTOCOL does not take any parameters: x/],
    ['%PROTOCOL:3%', /PROTOCOL does not allow length/],
    ['%REQ(a?b?c)%', /More than 1 alternative header/],
    ['%FILTER_STATE(key:ODD)%', /only support PLAIN/],
    ['%PATH(XX)%', /Invalid PATH option/],
    ['%START_TIME(%n)%', /newline/],
    ['%COALESCE({)%', /JSON|command/],
  ] as const) {
    it(`refuses ${text}`, () => {
      assert.throws(
        () => compileFormat(text, ''),
        (error) => error instanceof FormatError && message.test(error.message),
      );
    });
  }
});
