import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const packages = join(import.meta.dirname, '../../packages');

interface Manifest {
  readonly name: string;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

/** Everything that can be imported from our packages, by specifier; patterns and `package.json` are no code. */
export function entries(): string[] {
  return readdirSync(packages).flatMap((folder) => {
    const manifest = JSON.parse(readFileSync(join(packages, folder, 'package.json'), 'utf8')) as Manifest;
    return Object.entries(manifest.exports)
      .filter(([, target]) => typeof target !== 'string' && 'default' in target)
      .map(([path]) => manifest.name + path.slice(1));
  });
}

/** The values that each entry exports, as `exports.txt` lists them. Types show in the emitted declarations. */
export async function publicSurface(): Promise<string> {
  const sections: string[] = [];
  for (const entry of entries().sort()) {
    const names = Object.keys((await import(entry)) as object).sort();
    sections.push(`${entry}\n${names.map((name) => `  ${name}\n`).join('')}`);
  }
  return sections.join('\n');
}
