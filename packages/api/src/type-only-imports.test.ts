import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '../..');

/** Imports and re-exports that remain at run time, static or dynamic, with the specifier as the first group. */
const runtimeImports = [
  /^\s*(?:import|export)\s+(?!type\b)[^;'"]*?\bfrom\s*['"]([^'"]+)['"]/gm,
  /^\s*import\s*['"]([^'"]+)['"]/gm,
  /(?<!typeof\s+)\bimport\(\s*['"]([^'"]+)['"]/g,
];

function runtimeImportsOfTypes(source: string): string[] {
  return runtimeImports
    .flatMap((pattern) => [...source.matchAll(pattern)].map((match) => match[1]!))
    .filter((specifier) => specifier.startsWith('@inmesh/api/gen/') || /_pb(\.\w+)*$/.test(specifier));
}

describe('generated types', () => {
  it('are never imported at run time: there is only the registry then', async () => {
    const offenders: string[] = [];
    for await (const file of glob('*/src/**/*.ts', { cwd: packages })) {
      if (file.endsWith('.d.ts') || file === join('api/src', 'type-only-imports.test.ts')) continue;
      for (const specifier of runtimeImportsOfTypes(await readFile(join(packages, file), 'utf8'))) {
        offenders.push(`${file}: ${specifier}`);
      }
    }
    assert.deepEqual(offenders, []);
  });

  it('would be noticed', () => {
    const name = '@inmesh/api/gen/a/v3/a_pb';
    assert.deepEqual(runtimeImportsOfTypes(`import { A } from '${name}';`), [name]);
    assert.deepEqual(runtimeImportsOfTypes(`import { type A } from '${name}';`), [name]);
    assert.deepEqual(runtimeImportsOfTypes(`export * from './gen/a/v3/a_pb.js';`), ['./gen/a/v3/a_pb.js']);
    assert.deepEqual(runtimeImportsOfTypes(`const a = await import('${name}');`), [name]);
    assert.deepEqual(runtimeImportsOfTypes(`import type { A } from '${name}';`), []);
    assert.deepEqual(runtimeImportsOfTypes(`export type { A } from '${name}';`), []);
  });
});
