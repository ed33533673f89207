import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeValue } from '@inmesh/core';
import { followRuntimeDirectory } from './runtime-disk.ts';

describe('a runtime layer on disk', () => {
  let root = '';
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'inmesh-runtime-'));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function version(name: string, files: { readonly [path: string]: string }): void {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, name, path, '..'), { recursive: true });
      writeFileSync(join(root, name, path), text);
    }
    symlinkSync(join(root, name), join(root, 'next'));
    renameSync(join(root, 'next'), join(root, 'current'));
  }

  function follow() {
    const told: ReadonlyMap<string, RuntimeValue>[] = [];
    const warnings: Error[] = [];
    let more = Promise.withResolvers<void>();
    const follow = followRuntimeDirectory((warning) => warnings.push(warning));
    const source = { kind: 'disk', name: 'disk', directory: join(root, 'current'), symlinkRoot: root } as const;
    const unwatch = follow(source, (values) => {
      told.push(values);
      more.resolve();
      more = Promise.withResolvers();
    });
    const until = async (isIt: (values: ReadonlyMap<string, RuntimeValue>) => boolean): Promise<void> => {
      while (!told.some(isIt)) await more.promise;
    };
    return { told, warnings, until, unwatch };
  }

  it('has a value in each file, and follows the link', async () => {
    version('v1', { 'a/b': '# share of requests\n5\n', on: 'true' });
    const { told, warnings, until, unwatch } = follow();
    assert.equal(told[0]?.get('a.b')?.integer, 5);
    assert.equal(told[0]?.get('on')?.boolean, true);
    version('v2', { 'a/b': '7' });
    await until((values) => values.get('a.b')?.integer === 7 && !values.has('on'));
    unwatch();
    assert.deepEqual(warnings, []);
  });

  it('is empty where there is no such folder yet', async () => {
    const { told, until, unwatch } = follow();
    assert.equal(told[0]?.size, 0);
    version('v1', { a: '1' });
    await until((values) => values.get('a')?.integer === 1);
    unwatch();
  });
});
