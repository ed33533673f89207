import assert from 'node:assert/strict';
import { Call } from './call.ts';
import type { Handler } from './dispatch.ts';
import { Headers } from './headers.ts';
import { localReply } from './local-reply.ts';

describe('local reply', () => {
  /** Status and headers of the reply, as Envoy 1.40 was seen to write them (test/peers/envoy-decisions.test.ts). */
  function reply(method: string, status: number, body: string): (string | number)[] {
    const context = {
      failAs: 'response',
      target: 'a:80',
      headersTimeoutMs: null,
      bodyTimeoutMs: null,
      passThrough: null,
    } as const;
    const head = { method, scheme: 'http', authority: 'a', path: '/', headers: Headers.empty(), upgrade: null };
    const said: (string | number)[] = [];
    const handler: Handler = {
      onRequestSent: () => said.push('sent'),
      onInformational: () => said.push('informational'),
      onUpgrade: () => said.push('upgrade'),
      onResponseStart: (got, headers) => said.push(got, ...headers.flat()),
      onResponseData: (chunk) => said.push(new TextDecoder().decode(chunk)),
      onResponseEnd: () => said.push('end'),
      onResponseError: () => said.push('error'),
    };
    const bytes = new TextEncoder().encode(body);
    localReply(new Call(head, null, context), handler, { status, body: bytes, contentType: 'text/plain' });
    return said;
  }

  it('tells length and type of its body', () => {
    assert.deepEqual(reply('GET', 503, 'no'), [503, 'content-length', '2', 'content-type', 'text/plain', 'no', 'end']);
  });

  it('tells a length of zero where there is none', () => {
    assert.deepEqual(reply('GET', 404, ''), [404, 'content-length', '0', 'end']);
  });

  it('tells no length where there cannot be a body', () => {
    assert.deepEqual(reply('GET', 204, ''), [204, 'end']);
    assert.deepEqual(reply('GET', 304, ''), [304, 'end']);
    assert.deepEqual(reply('HEAD', 404, ''), [404, 'end']);
  });

  it('tells the length of the body that HEAD leaves out', () => {
    assert.deepEqual(reply('HEAD', 503, 'no'), [503, 'content-length', '2', 'content-type', 'text/plain', 'end']);
  });
});
