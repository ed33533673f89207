/**
 * Makes `packages/api/src/gen` from the committed descriptor set, without buf, protoc or Go.
 *
 *     npm run generate          writes the files, and removes those of messages that are gone
 *     npm run generate:check    writes nothing; fails where the committed files differ (CI)
 *
 * Only declarations (`.d.ts`) are generated: at run time the one registry stands in for the generated modules, whose
 * import would cost hundreds of milliseconds, and a module that does not exist cannot be imported by mistake.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { descriptorsModule, embeddedDescriptors } from './generate-descriptors.ts';
import { generateTypes } from './generate-types.ts';

const api = join(import.meta.dirname, '../packages/api');
const gen = join(api, 'src/gen');
const descriptorsFile = 'descriptors.ts';

const set = await readFile(join(api, 'envoy.binpb'));
const wanted = new Map([...(await generateTypes(set)), [descriptorsFile, descriptorsModule(set)]]);
const present = await readPresent();

const stale = [...present.keys()].filter((name) => !wanted.has(name));
const changed = [...wanted].filter(([name, text]) => !isCurrent(name, text)).map(([name]) => name);

if (process.argv.includes('--check')) check();
else await write();

/** The module with the descriptors is current if it holds the same set: another Node's brotli may pack it differently. */
function isCurrent(name: string, text: string): boolean {
  const before = present.get(name);
  if (before === undefined || before === text) return before === text;
  return name === descriptorsFile && embeddedDescriptors(before)?.equals(set) === true;
}

function check(): void {
  const differences = [...changed.map((name) => `differs: ${name}`), ...stale.map((name) => `not generated: ${name}`)];
  if (differences.length === 0) return;
  console.error(
    `packages/api/src/gen is not what packages/api/envoy.binpb generates. Run "npm run generate" and commit.`,
  );
  for (const line of differences.slice(0, 20)) console.error(`  ${line}`);
  if (differences.length > 20) console.error(`  and ${differences.length - 20} more`);
  process.exitCode = 1;
}

async function write(): Promise<void> {
  for (const name of stale) await rm(join(gen, name));
  for (const name of changed) {
    await mkdir(dirname(join(gen, name)), { recursive: true });
    await writeFile(join(gen, name), wanted.get(name) ?? '');
  }
  console.log(`${wanted.size} files: ${changed.length} written, ${stale.length} removed`);
}

async function readPresent(): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  const entries = await readdir(gen, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(gen.length + 1).replaceAll('\\', '/'), await readFile(path, 'utf8'));
  }
  return files;
}
