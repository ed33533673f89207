import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { grpcServer } from './index.ts';

const script = `
  const { grpcChannel } = await import(process.argv[1]);
  let held;
  const channel = grpcChannel({ target: process.argv[2], tls: null, keepaliveMs: 10 });
  await new Promise((resolve) => {
    const stream = channel.open('/test.Service/Chat', {}, { onMessage: resolve, onEnd: (status) => { throw new Error(status.message); } });
    stream.send(Buffer.from('x'));
    held = setInterval(() => {}, 1000); // The stream does not keep us alive, so this must, until the answer.
  });
  clearInterval(held);
  console.log('answered');
  process.exitCode = 7;
`;

describe('lifetime', () => {
  it('an open stream does not keep a process alive', async () => {
    const server = grpcServer({
      services: {
        '/test.Service/Chat': (stream) => ({ onMessage: (message) => void stream.send(Buffer.from(message)) }),
      },
    });
    const target = await server.listen({ port: 0 });
    try {
      const run = promisify(execFile)(process.execPath, [
        '--conditions=@inmesh/source',
        '--input-type=module',
        '-e',
        script,
        new URL('./index.ts', import.meta.url).href,
        target,
      ]);
      const outcome = await run.catch((error: { code: number; stdout: string; stderr: string }) => error);
      assert.match(outcome.stdout, /answered/, outcome.stderr);
      assert.equal('code' in outcome ? outcome.code : 0, 7);
    } finally {
      await server.destroy();
    }
  }).timeout(10_000);
});
