import { type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { outsideContext, type RuntimeValue, runtimeValue } from '@inmesh/core';
import type { FollowDisk } from '@inmesh/xds';

/** Folders within folders at most, as in Envoy; a link that leads to itself ends there. */
const maxDepth = 16;

/** Follows a folder in which each file is a value, `a/b` under the key `a.b`; lines that begin with # are comments. */
export function followRuntimeDirectory(onWarning: (warning: Error) => void): FollowDisk {
  return ({ name, directory, symlinkRoot }, tell) => {
    const load = (): void => {
      try {
        const values = new Map<string, RuntimeValue>();
        readInto(values, directory, '', 1);
        tell(values);
      } catch (cause) {
        // Envoy, too, does without a folder that is not there.
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') tell(new Map());
        else onWarning(new Error(`runtime layer ${name} cannot be read from ${directory}: ${cause}`, { cause }));
      }
    };
    load();
    let watcher: FSWatcher | null = null;
    try {
      // Values come in force by renaming a link, because several files cannot be changed at once.
      watcher = outsideContext(() => watch(symlinkRoot, { persistent: false }, load));
      watcher.on('error', (cause) => onWarning(new Error(`runtime layer ${name} is not followed any more`, { cause })));
    } catch (cause) {
      onWarning(new Error(`runtime layer ${name} is not followed: ${symlinkRoot} cannot be watched`, { cause }));
    }
    return () => watcher?.close();
  };
}

function readInto(values: Map<string, RuntimeValue>, directory: string, prefix: string, depth: number): void {
  if (depth > maxDepth) throw new Error(`${directory}: more than ${maxDepth} folders within each other`);
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    const key = prefix === '' ? entry.name : `${prefix}.${entry.name}`;
    if (entry.isDirectory()) readInto(values, path, key, depth + 1);
    else if (entry.isFile()) values.set(key, runtimeValue(textOf(readFileSync(path, 'utf8'))));
  }
}

function textOf(file: string): string {
  const lines = file.split('\n').filter((line) => !line.startsWith('#'));
  return lines.join('\n').trimEnd();
}
