import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Client } from '../undici/index.ts';
import { wireError } from './wire-errors.ts';

describe('errors of the wire', () => {
  /** undici's own error for a server that answers so. */
  async function errorFor(answer: string): Promise<Error> {
    const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(answer)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    const client = new Client(`http://127.0.0.1:${address.port}`, { maxHeaderSize: 1024 });
    try {
      const error: unknown = await client
        .request({ path: '/', method: 'GET' })
        .then(({ body }) => body.text())
        .then(
          () => null,
          (reason: unknown) => reason,
        );
      assert.ok(error instanceof Error);
      return error;
    } finally {
      await client.destroy();
      server.close();
    }
  }

  for (const [what, answer, code, flag] of [
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 'protocol_error', 'UPE'],
    ['headers without end', `HTTP/1.1 200 OK\r\nx: ${'x'.repeat(2_000)}\r\n\r\n`, 'protocol_error', 'UPE'],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n', 'protocol_error', 'UPE'],
    ['nothing', '', 'connection_termination', 'UC'],
  ] as const) {
    it(`${what} → ${code}`, async () => {
      const error = wireError(await errorFor(answer), { endpoint: '127.0.0.1:1' });
      assert.deepEqual([error.code, error.flag, error.place], [code, flag, { endpoint: '127.0.0.1:1' }]);
    });
  }

  it('a response that ends before it is complete is broken HTTP, and the details say that it had begun', async () => {
    const broken = await errorFor('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nhalf');
    const error = wireError(broken, { started: true });
    assert.deepEqual(
      [error.code, error.details],
      ['protocol_error', 'upstream_reset_after_response_started{protocol_error}'],
    );
  });
});
