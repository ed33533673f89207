import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateDirectory } from './state-directory.ts';

describe('state directory', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'inmesh-state-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  const bytes = (text: string) => new Uint8Array(Buffer.from(text));
  const read = (name: string) => {
    const found = stateDirectory(root).read(name, 100);
    return found === null ? null : Buffer.from(found).toString();
  };

  it('replaces a file as a whole, for the owner only, and leaves nothing else behind', async () => {
    const files = stateDirectory(join(root, 'made', 'for', 'us'));
    assert.equal(files.read('a', 100), null);
    await files.write('a', bytes('one'), () => true);
    await files.write('a', bytes('two'), () => true);
    assert.equal(Buffer.from(files.read('a', 100) ?? []).toString(), 'two');
    files.writeNow('a', bytes('three'));
    assert.equal(Buffer.from(files.read('a', 100) ?? []).toString(), 'three');
    const directory = join(root, 'made', 'for', 'us', 'feed');
    assert.equal(files.pathOf('a'), join(directory, 'a'));
    assert.deepEqual(readdirSync(directory), ['a']);
    if (process.platform === 'win32') return;
    assert.deepEqual(
      [directory, join(directory, 'a')].map((path) => (statSync(path).mode & 0o777).toString(8)),
      ['700', '600'],
    );
  });

  it('leaves the old file where the new one is not wanted any more, or cannot be written', async () => {
    const files = stateDirectory(root);
    files.writeNow('a', bytes('one'));
    await files.write('a', bytes('two'), () => false);
    assert.deepEqual([read('a'), readdirSync(join(root, 'feed'))], ['one', ['a']]);
    mkdirSync(join(root, 'feed', 'folder', 'with'), { recursive: true });
    await assert.rejects(files.write('folder', bytes('two'), () => true));
    assert.throws(() => files.writeNow('folder', bytes('two')));
    assert.deepEqual(readdirSync(join(root, 'feed')).sort(), ['a', 'folder']);
  });

  it('reads nothing that is too large, no file, a link, or another could have written', function () {
    if (process.platform === 'win32') this.skip();
    const files = stateDirectory(root);
    files.writeNow('a', bytes('x'.repeat(101)));
    assert.throws(() => read('a'), /101 bytes/);
    mkdirSync(join(root, 'feed', 'folder'));
    assert.throws(() => read('folder'), /no regular file/);
    writeFileSync(join(root, 'other'), 'x');
    symlinkSync(join(root, 'other'), join(root, 'feed', 'link'));
    assert.throws(() => read('link'), /ELOOP/);
    files.writeNow('b', bytes('x'));
    chmodSync(files.pathOf('b'), 0o620);
    assert.throws(() => read('b'), /can be written by others \(mode 620\)/);
    chmodSync(files.pathOf('b'), 0o600);
    chmodSync(join(root, 'feed'), 0o777);
    assert.throws(() => read('b'), /can be written by others \(mode 777\)/);
    files.writeNow('b', bytes('y'));
    assert.equal(read('b'), 'y');
  });

  it('reads nothing that belongs to somebody else', function () {
    if (process.getuid === undefined) this.skip();
    const files = stateDirectory(root);
    files.writeNow('a', bytes('x'));
    const others = stateDirectory(root, { uid: process.getuid() + 1 });
    assert.throws(() => others.read('a', 100), /belongs to user \d+, and this process is user \d+/);
    assert.throws(() => others.writeNow('a', bytes('y')), /belongs to user/);
    assert.equal(read('a'), 'x');
  });
});
