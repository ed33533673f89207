import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Other versions of Node, from the npm package `node`. They lie outside the work tree: as dependencies each would add
 * 200 MB to every `npm ci` for the sake of one test.
 */
export const RUNTIMES = { 'Node 22': '22.23.3', 'Node 26': '26.9.0' } as const;

/** The binary of a version, or null where it is not installed. */
export function installedRuntime(version: string): string | null {
  const binary = binaryOf(version);
  return existsSync(binary) ? binary : null;
}

/** Installs a version, some 200 MB, where it is not yet; gives its binary. */
export async function installRuntime(version: string): Promise<string> {
  if (installedRuntime(version) === null) {
    const folder = folderOf(version);
    await mkdir(folder, { recursive: true });
    await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', '--prefix', folder, `node@${version}`]);
  }
  return binaryOf(version);
}

function folderOf(version: string): string {
  return join(process.env.PEERS_HOME ?? join(homedir(), '.cache', 'mesh-peers'), `node-${version}`);
}

function binaryOf(version: string): string {
  return join(folderOf(version), 'node_modules', 'node', 'bin', 'node');
}
