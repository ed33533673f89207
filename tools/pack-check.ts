/**
 * Packs every package as `npm publish` would, after a build, and looks at the result with the eyes of those who install
 * it: publint (strict), are-the-types-wrong (profile esm-only), and what must not be in it. Counts go to `.reports`.
 *
 *     npm run build && npm run pack:check
 */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string }[];
}

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');
const bin = join(root, 'node_modules/.bin');
const started = performance.now();
const tarballs = mkdtempSync(join(tmpdir(), 'inmesh-pack-'));
let passed = 0;
let failed = 0;

async function check(title: string, what: () => unknown): Promise<void> {
  try {
    await what();
    passed++;
    process.stdout.write(`  ✔ ${title}\n`);
  } catch (error) {
    failed++;
    const { stdout = '', stderr = '', message } = error as { stdout?: string; stderr?: string; message: string };
    process.stdout.write(`  ✘ ${title}: ${message}\n${stdout}${stderr}`);
  }
}

/** Sources are read in the repository, tests nowhere; declarations of generated messages are the exception. */
function mustNotHave({ files }: Packed): void {
  const wrong = files.filter(
    ({ path }) => /\.test\.|\/testing\/|tsbuildinfo/.test(path) || (path.startsWith('src/') && !path.endsWith('.d.ts')),
  );
  if (wrong.length > 0) throw new Error(`is packed: ${wrong.map(({ path }) => path).join(', ')}`);
  if (!files.some(({ path }) => path === 'dist/index.js')) throw new Error('dist/index.js is missing: npm run build');
}

try {
  for (const folder of readdirSync(join(root, 'packages'))) {
    const args = ['pack', '--json', '--pack-destination', tarballs];
    const { stdout } = await run('npm', args, { cwd: join(root, 'packages', folder), maxBuffer: 2 ** 26 });
    const [packed] = JSON.parse(stdout) as [Packed];
    const tarball = join(tarballs, packed.filename);
    process.stdout.write(`${packed.name}: ${packed.files.length} files, ${Math.ceil(packed.size / 1024)} KiB packed\n`);
    await check('contents', () => mustNotHave(packed));
    await check('publint', () => run(join(bin, 'publint'), ['run', tarball, '--strict']));
    await check('types', () => run(join(bin, 'attw'), [tarball, '--profile', 'esm-only', '--no-emoji']));
  }
} finally {
  rmSync(tarballs, { recursive: true });
}
const seconds = Math.round((performance.now() - started) / 100) / 10;
mkdirSync(join(root, '.reports'), { recursive: true });
writeFileSync(
  join(root, '.reports/pack.json'),
  `${JSON.stringify({ suite: 'pack', passed, failed, skipped: 0, seconds })}\n`,
);
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed > 0 ? 1 : 0;
