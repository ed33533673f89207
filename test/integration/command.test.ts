import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Explanation } from 'inmesh';
import { main } from '../../packages/inmesh/src/cli/main.ts';
import { apiListener, service, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { bootstrapFor, Scene } from '../support/scene.ts';
import { refusingPort } from '../support/servers.ts';

const bin = fileURLToPath(new URL('../../packages/inmesh/bin/inmesh.js', import.meta.url));

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command of the clone as a user's shell would. */
async function spawned(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, out, err };
}

/** The same within this process. */
async function inmesh(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  let out = '';
  let err = '';
  const io = {
    out: (line: string) => {
      out += `${line}\n`;
    },
    err: (line: string) => {
      err += `${line}\n`;
    },
    env,
  };
  return { code: await main(args, io), out, err };
}

describe('the inmesh command', function () {
  // A run as a process is two that import everything anew.
  this.timeout(20_000);
  guardProcess();
  let folder: string;
  let scene: Scene;
  let bootstrap: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inmesh-command-'));
    scene = await Scene.start([
      ...service('reviews:9080', [9080]),
      apiListener('shop:9080', [
        virtualHost('shop', [{ match: { prefix: '/known' }, route: { cluster: 'reviews:9080' } }]),
      ]),
    ]);
    bootstrap = join(folder, 'bootstrap.json');
    await writeFile(bootstrap, bootstrapFor(scene.plane.address));
  });
  after(async () => {
    await scene[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });

  it('explains a call in words and as JSON', async () => {
    const [words, json] = await Promise.all([
      inmesh(['explain', 'http://reviews:9080/x', '--bootstrap', bootstrap]),
      spawned(['explain', 'http://reviews:9080/x', '--json'], { GRPC_XDS_BOOTSTRAP: bootstrap }),
    ]);
    assert.equal(words.err, '');
    assert.equal(words.code, 0);
    assert.match(words.out, /^GET http:\/\/reviews:9080\/x: mesh\n {2}listener {13}reviews:9080\n/);
    assert.match(
      words.out,
      /reviews:9080 \(100 %, eds, round_robin\)\n {6}is asked for GET reviews:9080\/x\n {6}127\.0\.0\.1:9080 {2}unknown {2}weight 1/,
    );
    assert.equal(json.code, 0);
    const explanation = JSON.parse(json.out) as Explanation;
    assert.equal(explanation.verdict, 'mesh');
    assert.equal(explanation.clusters[0]?.endpoints[0]?.address, '127.0.0.1:9080');
  });

  it('exits with 1 where a call would be refused, or nothing is known in time', async () => {
    const gone = join(folder, 'gone.json');
    await writeFile(gone, bootstrapFor(`127.0.0.1:${await refusingPort()}`));
    const [refused, unknown, passing] = await Promise.all([
      inmesh(['explain', 'http://shop:9080/other', '--method', 'PUT', '--header', 'x: 1', '--bootstrap', bootstrap]),
      inmesh(['explain', 'http://reviews:9080/', '--bootstrap', gone, '--within', '50']),
      inmesh(['explain', 'https://example.com/', '--bootstrap', gone]),
    ]);
    assert.deepEqual([refused.code, unknown.code, passing.code], [1, 1, 0]);
    assert.match(
      refused.out,
      /refused[\s\S]*shop\/.*: asks for prefix \/known, the call has \/other[\s\S]*none of its 1 routes matches \/other: 404, flag NR/,
    );
    assert.match(unknown.out, /unknown[\s\S]*has not told about reviews:9080 yet/);
    assert.match(passing.out, /pass-through/);
  });

  it('exits with 1 and says file and field where the bootstrap is wrong', async () => {
    const broken = join(folder, 'broken.json');
    await writeFile(broken, '{\n  "xds_servers": 7,\n  "node": { "id": "x" }\n}');
    const { code, out, err } = await spawned(['explain', 'http://reviews:9080/', '--bootstrap', broken]);
    assert.deepEqual([code, out], [1, '']);
    assert.match(err, /^inmesh: \[invalid_config\] .*broken\.json:2:.*xds_servers/);
    assert.doesNotMatch(err, /\n\s+at /);
  });

  it('exits with 2 and its usage for a mistake in the call', async () => {
    const calls: [args: string[], message: RegExp][] = [
      [[], /usage: inmesh COMMAND/],
      [['explode'], /there is no command "explode"/],
      [['explain'], /give one URL/],
      [['explain', 'reviews'], /"reviews" is no URL/],
      [['explain', 'http://a/', 'http://b/'], /give one URL/],
      [['explain', 'http://a/', '--nope'], /--nope/],
      [['explain', 'http://a/', '--within', 'soon'], /--within soon/],
      [['explain', 'http://a/', '--method', 'get'], /--method get: write it in capitals/],
      [['explain', 'http://a/', '--header', 'x-user'], /--header "x-user": write 'x-user: jason'/],
      [['explain', 'http://a/', '--override', '{'], /--override \{: it is no JSON/],
    ];
    const results = await Promise.all(calls.map(([args]) => inmesh(args)));
    for (const [i, { code, out, err }] of results.entries()) {
      const [args, message] = calls[i] as (typeof calls)[number];
      assert.equal(code, 2, args.join(' '));
      assert.match(out + err, message);
      assert.match(out + err, /inmesh explain URL/);
      assert.doesNotMatch(err, /\n\s+at /);
    }
    const help = await inmesh(['--help']);
    assert.equal(help.code, 0);
    assert.match((await inmesh(['version'])).out, /^\d+\.\d+\.\d+\n$/);
  });
});
