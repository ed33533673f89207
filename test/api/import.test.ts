import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { entries } from './entries.ts';

const root = join(import.meta.dirname, '../..');

/** Runs a CommonJS script in a fresh process, and gives what it says as JSON. */
async function inFreshProcess(script: string): Promise<unknown> {
  const args = ['--conditions=@inmesh/source', '--input-type=commonjs', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
  return JSON.parse(stdout);
}

/**
 * What an import could change for everybody in the process. npm's undici 8 has a slot of its own, `.2`, and fills it when
 * it is loaded, by whomever; the slot of the runtime's fetch and of undici 5 to 7 is `.1`. The runtime fills it when
 * `Response` is first looked at, so that is done first.
 */
const SEEN = `
  void globalThis.Response;
  const runtimes = globalThis[Symbol.for('undici.globalDispatcher.1')];
  const seen = () => ({
    globals: Reflect.ownKeys(globalThis).map(String).sort().filter((name) => !name.includes('globalDispatcher.2')),
    dispatcher: runtimes === globalThis[Symbol.for('undici.globalDispatcher.1')],
    listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
    http: [require('node:http').globalAgent.constructor.name, require('node:http').request.name],
    fetch: String(fetch).length,
  });
`;

describe('an import of our packages', function () {
  this.timeout(30_000);

  for (const entry of entries()) {
    it(`${entry}: require() gives what import gives`, async () => {
      const named = JSON.stringify(entry);
      const script = `import(${named}).then((all) => {
        console.log(JSON.stringify([Object.keys(all).sort(), Object.keys(require(${named})).sort()]));
      });`;
      const [imported, required] = (await inFreshProcess(script)) as [string[], string[]];
      assert.ok(imported.length > 0);
      assert.deepEqual(required, imported);
    });
  }

  it('installs and patches nothing', async () => {
    const names = JSON.stringify(entries());
    const before = await inFreshProcess(`${SEEN} console.log(JSON.stringify(seen()));`);
    const after = await inFreshProcess(`${SEEN} ${names}.forEach(require); console.log(JSON.stringify(seen()));`);
    assert.deepEqual(after, before);
  });

  it('leaves the dispatcher of the application as it is', async () => {
    const [same] = (await inFreshProcess(`
      const slot = Symbol.for('undici.globalDispatcher.1');
      const own = { dispatch() {} };
      globalThis[slot] = own;
      require('inmesh');
      console.log(JSON.stringify([globalThis[slot] === own]));
    `)) as [boolean];
    assert.equal(same, true);
  });

  it('awaits nothing: no source has a top-level await', async () => {
    const sources = globSync('packages/*/src/**/*.ts', { cwd: root }).filter((file) => !/\.(test|d)\.ts$/.test(file));
    assert.ok(sources.length > 50);
    const script = `
      const failed = ${JSON.stringify(sources)}.flatMap((file) => {
        try {
          require('./' + file);
          return [];
        } catch (error) {
          return [file + ': ' + error.code];
        }
      });
      console.log(JSON.stringify(failed));
    `;
    assert.deepEqual(await inFreshProcess(script), []);
  });
});
