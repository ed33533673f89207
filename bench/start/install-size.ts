import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, sep } from 'node:path';

/** What an install of a package puts on the disk: itself and all that it depends on, optional peers left out. */
export interface InstallSize {
  readonly installMb: number;
  readonly packages: number;
}

export function installSize(name: string, root: string): InstallSize {
  const seen = new Map<string, number>();
  const visit = (wanted: string, from: string) => {
    const folder = folderOf(wanted, from);
    if (seen.has(folder)) return;
    seen.set(folder, folder.includes(`${sep}node_modules${sep}`) ? bytesIn(folder) : packedBytes(folder));
    const { dependencies = {} } = manifest(folder);
    for (const each of Object.keys(dependencies)) visit(each, folder);
  };
  visit(name, root);
  const bytes = [...seen.values()].reduce((sum, size) => sum + size, 0);
  return { installMb: bytes / 2 ** 20, packages: seen.size };
}

function manifest(folder: string): { readonly dependencies?: Readonly<Record<string, string>> } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}

function folderOf(name: string, from: string): string {
  for (const base of createRequire(join(from, 'package.json')).resolve.paths(name) ?? []) {
    const folder = join(base, name);
    if (statSync(join(folder, 'package.json'), { throwIfNoEntry: false }) !== undefined) return realpathSync(folder);
  }
  throw new Error(`${name} is not installed (needed by ${from})`);
}

function bytesIn(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

/** A package of this repository: what would be published of it. */
function packedBytes(folder: string): number {
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const packed = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8', stdio: 'pipe' }));
  const [first] = Array.isArray(packed) ? packed : Object.values(packed);
  return (first as { readonly unpackedSize: number }).unpackedSize;
}
