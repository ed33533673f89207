import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, systemClock, VirtualClock } from '@inmesh/core';
import { Folder } from './folder.ts';
import type { Resource } from './resource.ts';

/** A file that defines clusters with these names. */
function clusters(...names: string[]): string {
  const type = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
  return `resources:${names.map((name) => `\n- "@type": ${type}\n  name: ${name}`).join('') || ' []'}\n`;
}

describe('a folder of resources', () => {
  let root: string;
  let path: string;
  let served: string;
  let bad: string[];
  let folder: Folder;
  let heard: (() => void)[];

  function open(clock: Clock, at = path): Folder {
    const tell = () => {
      for (const one of heard.splice(0)) one();
    };
    folder = new Folder({
      path: at,
      clock,
      onResources(resources: readonly Resource[]) {
        served = resources
          .map(({ name }) => name)
          .sort()
          .join(' ');
        tell();
      },
      onBadFile(_, error, stillServed) {
        bad.push(`${error.message.replaceAll(`${root}/`, '')} [${stillServed ? 'kept' : 'none'}]`);
        tell();
      },
    });
    return folder;
  }
  function write(name: string, text: string): Promise<void> {
    return writeFile(join(path, name), text);
  }
  async function until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => heard.push(resolve));
  }

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'inmesh-folder-'));
    path = join(root, 'mesh.d');
    await mkdir(path);
    served = 'nothing was told';
    bad = [];
    heard = [];
  });
  afterEach(async () => {
    folder.close();
    await rm(root, { recursive: true });
  });

  it('joins its YAML and JSON files, and leaves others and hidden ones alone', async () => {
    await write('a.yaml', clusters('a'));
    await write('b.yml', clusters('b'));
    await write('c.json', '{"resources":[{"@type":"type.googleapis.com/envoy.config.cluster.v3.Cluster","name":"c"}]}');
    await write('README.md', 'not this');
    await write('.d.yaml.swp', 'nor this');
    await write('.e.yaml', clusters('e'));
    await open(new VirtualClock()).start();
    assert.equal(served, 'a b c');
    assert.deepEqual(bad, []);
  });

  it('may be empty, but must be there', async () => {
    await open(new VirtualClock()).start();
    assert.equal(served, '');
    folder.close();
    await assert.rejects(
      open(new VirtualClock(), join(root, 'nowhere')).start(),
      /nowhere does not exist; give a folder/,
    );
    await write('file', '');
    await assert.rejects(open(new VirtualClock(), join(path, 'file')).start(), /is not a folder; give/);
  });

  it('keeps the last good version of a file that breaks, and tells each mistake once', async () => {
    await write('a.yaml', clusters('a'));
    await open(new VirtualClock()).start();
    await write('a.yaml', clusters('a').replace('name:', 'nome:'));
    await folder.reload();
    await folder.reload();
    await write('b.yaml', clusters('b'));
    await folder.reload();
    assert.equal(served, 'a b');
    assert.equal(bad.length, 1);
    assert.match(
      bad[0]!,
      /mesh\.d\/a\.yaml:3:3: resources\[0\]\.nome: unknown field .*did you mean `name`\? \[kept\]$/,
    );
    assert.match(folder.files()[0]?.error ?? '', /a\.yaml:3:3/);
    await write('a.yaml', clusters('a2'));
    await folder.reload();
    assert.equal(served, 'a2 b');
    assert.equal(folder.files()[0]?.error, null);
  });

  it('serves the good files beside one that was bad from the start', async () => {
    await write('a.yaml', 'resources: [');
    await write('b.yaml', clusters('b'));
    await open(new VirtualClock()).start();
    assert.equal(served, 'b');
    assert.match(bad.join(), /a\.yaml:\d+:\d+: .* \[none\]$/);
  });

  it('takes an empty file for a half-written one, not for the wish to remove everything', async () => {
    await write('a.yaml', clusters('a'));
    await open(new VirtualClock()).start();
    await write('a.yaml', '');
    await folder.reload();
    assert.equal(served, 'a');
    assert.match(
      bad.join(),
      /a\.yaml:1:1: there is no list of resources; write `resources:` with a list, `\[\]` for none/,
    );
    await write('a.yaml', 'resources: []\n');
    await folder.reload();
    assert.equal(served, '');
  });

  it('refuses a name that another file has, naming both, and the one that was there first wins', async () => {
    await write('b.yaml', clusters('x'));
    await open(new VirtualClock()).start();
    await write('a.yaml', clusters('x', 'y'));
    await folder.reload();
    assert.equal(served, 'x');
    assert.match(
      bad.join(),
      /a\.yaml:2:3: .*Cluster "x" is already defined at mesh\.d\/b\.yaml:2:3; remove one of the two/,
    );
    await unlink(join(path, 'b.yaml'));
    await folder.reload();
    assert.equal(served, 'x y');
  });

  it('lets a resource move between files in one change', async () => {
    await write('a.yaml', clusters('x', 'y'));
    await write('b.yaml', clusters('z'));
    await open(new VirtualClock()).start();
    await write('a.yaml', clusters('y', 'z'));
    await write('b.yaml', clusters('x'));
    await folder.reload();
    assert.equal(served, 'x y z');
    assert.deepEqual(bad, []);
  });

  it('sees two saves of the same length at the same time', async () => {
    await write('a.yaml', clusters('a'));
    await open(new VirtualClock()).start();
    for (const name of ['b', 'c', 'd', 'e']) {
      await write('a.yaml', clusters(name));
      await folder.reload();
      assert.equal(served, name);
    }
  });

  it('looks every two seconds, for changes that no event tells', async () => {
    await mkdir(join(root, 'v1'));
    await writeFile(join(root, 'v1', 'real.yaml'), clusters('one'));
    await symlink(join(root, 'v1', 'real.yaml'), join(path, 'a.yaml'));
    const clock = new VirtualClock();
    await open(clock).start();
    await writeFile(join(root, 'v1', 'real.yaml'), clusters('another'));
    clock.advance(2000);
    await until(() => served === 'another');
    assert.equal(served, 'another');
  });

  it('follows saves, renames, a swapped link to all files, and a swapped link to itself', async () => {
    await mkdir(join(root, 'v1'));
    await mkdir(join(root, 'v2'));
    await writeFile(join(root, 'v1', 'm.yaml'), clusters('v1'));
    await writeFile(join(root, 'v2', 'm.yaml'), clusters('v2'));
    const link = join(root, 'current');
    await symlink(join(root, 'v1'), link);
    await open(fast, link).start();
    assert.equal(served, 'v1');
    await writeFile(join(root, 'v1', 'm.yaml'), clusters('saved'));
    await until(() => served === 'saved');
    await writeFile(join(root, 'v1', '.tmp'), clusters('renamed'));
    await rename(join(root, 'v1', '.tmp'), join(root, 'v1', 'm.yaml'));
    await until(() => served === 'renamed');
    await symlink(join(root, 'v2'), `${link}.new`);
    await rename(`${link}.new`, link);
    await until(() => served === 'v2');
    await writeFile(join(root, 'v2', 'm.yaml'), clusters('after'));
    await until(() => served === 'after');
    assert.deepEqual(bad, []);
  });

  it('follows the way Kubernetes swaps a ConfigMap', async () => {
    for (const version of ['..v1', '..v2']) {
      await mkdir(join(path, version));
      await writeFile(join(path, version, 'm.yaml'), clusters(version.slice(2)));
    }
    await symlink('..v1', join(path, '..data'));
    await symlink(join('..data', 'm.yaml'), join(path, 'm.yaml'));
    await open(fast).start();
    assert.equal(served, 'v1');
    await symlink('..v2', join(path, '..tmp'));
    await rename(join(path, '..tmp'), join(path, '..data'));
    await until(() => served === 'v2');
  });

  it('goes on serving when the folder disappears, and reads it when it is back', async () => {
    await write('a.yaml', clusters('a'));
    await open(new VirtualClock()).start();
    await rename(path, `${path}.away`);
    await folder.reload();
    assert.equal(served, 'a');
    assert.match(bad.join(), /mesh\.d cannot be read: ENOENT.*what was read before stays served \[kept\]/);
    await mkdir(path);
    await write('a.yaml', clusters('back'));
    await folder.reload();
    assert.equal(served, 'back');
  });

  it('leaves no timer behind', async () => {
    const clock = new VirtualClock();
    await open(clock).start();
    folder.close();
    assert.equal(clock.pending, 0);
  });
});

/** Real events, no waiting for quiet; the look is left out, so that only events can be what is followed. */
const fast: Clock = {
  ...systemClock,
  setTimer: (ms, callback, options) => (ms >= 2000 ? { cancel() {} } : systemClock.setTimer(0, callback, options)),
};
