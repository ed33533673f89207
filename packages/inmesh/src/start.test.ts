import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** In a process of its own: others have loaded all of it here. */
const PROGRAM = `
import { registerHooks } from 'node:module';
const loaded = [];
registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) });
const ofMtls = () => loaded.filter((url) => /\\/mtls\\/(src|dist)\\//.test(url) && !url.includes('/x509/'));
const platform = () => process.moduleLoadList.filter((name) => /NativeModule (_tls_wrap|tls|http2)$/.test(name));
const { createMesh } = await import('inmesh');
const imported = [...ofMtls(), ...platform()];
const mesh = await createMesh({ bootstrapConfig: '{"static_resources":{}}' });
const opened = ofMtls();
await mesh.close();
console.log(JSON.stringify({ imported, opened, all: loaded.length }));
`;

describe('the start of a mesh', function () {
  // Another process that loads from source, on a machine that is busy with other tests.
  this.timeout(60_000);

  it('loads what TLS is made of with the first cluster that needs it, and not before', async () => {
    const args = ['--conditions=@inmesh/source', '--no-warnings', '--input-type=module', '--eval', PROGRAM];
    const { stdout } = await run(process.execPath, args, { cwd: import.meta.dirname });
    const { imported, opened, all } = JSON.parse(stdout);
    assert.deepEqual([imported, opened], [[], []]);
    assert.ok(all > 100, `${all} modules were seen`);
  });
});
