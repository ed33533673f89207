import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { MeshError } from '@inmesh/core';

/** A failure of the command that its caller can do something about. */
export function commandError(message: string, cause?: unknown): MeshError {
  return new MeshError('invalid_config', message, cause === undefined ? {} : { cause });
}

/** Null where there is no such file. */
export function readText(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    throw commandError(`${path} cannot be read: ${code}`, cause);
  }
}

/** Whoever reads the file meanwhile sees the old one or the new one. */
export function replaceFile(path: string, content: string | Uint8Array, mode: number): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(`${path}.new`, content, { mode });
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw commandError(`${path} cannot be written: ${(cause as NodeJS.ErrnoException).code}`, cause);
  }
}
