import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runControlPlaneCommand } from './command.ts';
import { RawAdsClient, summary } from './testing/raw-client.ts';

class Terminal {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly #stop = new AbortController();
  readonly signal = this.#stop.signal;
  #arrived: (() => void) | null = null;
  out(line: string): void {
    this.lines.push(line);
    this.#arrived?.();
  }
  err(line: string): void {
    this.errors.push(line);
  }
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      for (const line of this.lines) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
  }
  stop(): void {
    this.#stop.abort();
  }
}

describe('inmesh control-plane', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inmesh-command-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const cluster = (name: string) =>
    `resources:\n- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: ${name}\n`;

  it('serves a folder and prints a line per event until it is stopped', async () => {
    const terminal = new Terminal();
    await writeFile(join(folder, 'a.yaml'), cluster('a'));
    const exit = runControlPlaneCommand([folder, '--listen', '127.0.0.1:0'], terminal);
    const [, target] = await terminal.line(/^listening on (127\.0\.0\.1:\d+)$/);
    await terminal.line(/^loaded {6}1 resource from 1 file$/);
    const client = new RawAdsClient(target!, 'web');
    client.ask('cluster');
    const response = await client.next();
    assert.equal(summary(response), 'CDS 1: a');
    client.ack(response);
    await terminal.line(/^connected {3}web at 127\.0\.0\.1:\d+, raw$/);
    await terminal.line(/^ACK {9}CDS 1-[0-9a-f]{8} by web$/);
    await writeFile(join(folder, 'a.yaml'), cluster('b'));
    client.nack(await client.next(), 'no\r\n\u001b[2Jforged');
    await terminal.line(/^NACK {8}CDS 2-[0-9a-f]{8} by web: no \[2Jforged$/);
    await writeFile(join(folder, 'a.yaml'), 'resources: [{}]\n');
    await terminal.line(
      /^bad file {4}.*a\.yaml:1:13: resources\[0\]: has no @type; .* \(its last good version stays served\)$/,
    );
    terminal.stop();
    assert.equal(await exit, 0);
    assert.equal((await client.ended).code, 14);
    assert.equal(terminal.lines.at(-1), 'stopped');
    assert.deepEqual(terminal.errors, []);
    client.close();
  });

  it('stops on SIGTERM and leaves no handler behind', async () => {
    const terminal = new Terminal();
    const before = process.listenerCount('SIGTERM');
    const exit = runControlPlaneCommand([folder, '--listen', `unix:${join(folder, 'xds.sock')}`], terminal);
    await terminal.line(/^listening on unix:/);
    process.emit('SIGTERM');
    assert.equal(await exit, 0);
    assert.equal(process.listenerCount('SIGTERM'), before);
  });

  const wrong: [string, string[], number, RegExp][] = [
    ['no folder', [], 2, /FOLDER is missing[\s\S]*Usage/],
    ['two folders', ['a', 'b'], 2, /one FOLDER only/],
    ['an unknown option', ['a', '--port', '1'], 2, /--port[\s\S]*Usage/],
    ['a bad address', ['a', '--listen', 'here'], 2, /--listen here: write HOST:PORT/],
    [
      'a folder that is not there',
      ['/nowhere/at/all'],
      1,
      /^\[invalid_config\] \/nowhere\/at\/all does not exist; give a folder/,
    ],
  ];
  for (const [what, args, code, message] of wrong) {
    it(`says what to do about ${what}`, async () => {
      const terminal = new Terminal();
      assert.equal(await runControlPlaneCommand(args, terminal), code);
      assert.match(terminal.errors.join('\n'), message);
    });
  }

  it('prints its usage', async () => {
    const terminal = new Terminal();
    assert.equal(await runControlPlaneCommand(['--help'], terminal), 0);
    assert.match(terminal.lines.join(), /^Usage: inmesh control-plane FOLDER/);
  });
});
