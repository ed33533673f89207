import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { shuffled } from '../arithmetic.ts';
import { AUTHORITY, meshResources, PATH } from '../http/feed.ts';
import type { ServerOptions } from '../http/server.ts';
import { Helper } from '../processes.ts';
import type { Metric, Report, Row, SuiteOptions } from '../suite.ts';
import { installSize } from './install-size.ts';
import type { ProbeArgument, Started } from './probe.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SUBJECTS = ['undici', 'undici-again', 'inmesh'];
const ROUNDS = 15;

const metrics: readonly Metric[] = [
  { key: 'importMs', label: 'import ms', digits: 0 },
  { key: 'readyMs', label: 'ready ms', digits: 0 },
  { key: 'firstCallMs', label: 'first call ms', digits: 0 },
  { key: 'rssMb', label: 'RSS MB', digits: 0 },
  { key: 'installMb', label: 'install MB', digits: 1 },
  { key: 'packages', label: 'packages', digits: 0 },
];

/** What it takes until a fresh process has made its first call, with what is built, as users install it. */
export async function startSuite(options: SuiteOptions): Promise<Report> {
  options.progress('building');
  execFileSync('npm', ['run', '-s', 'build'], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const stops: (() => Promise<void>)[] = [];
  try {
    const server = await Helper.start<number[]>(new URL('../http/server.ts', import.meta.url), {
      ports: 1,
      bodyBytes: 1024,
    } satisfies ServerOptions);
    stops.push(() => server.helper.stop());
    const plane = await Helper.start<{ address: string }>(
      new URL('../http/control-plane.ts', import.meta.url),
      meshResources(server.ready),
    );
    stops.push(() => plane.helper.stop());
    const bootstrapConfig = JSON.stringify({
      xds_servers: [{ server_uri: plane.ready.address, channel_creds: [{ type: 'insecure' }] }],
      node: { id: 'bench' },
    });
    const probe = (subject: string) =>
      start({
        subject,
        bootstrapConfig,
        url: subject === 'inmesh' ? `http://${AUTHORITY}${PATH}` : `http://127.0.0.1:${server.ready[0]}${PATH}`,
      });
    const rows: Row[] = [];
    // The first of each fills the caches of the file system.
    for (const subject of SUBJECTS) await probe(subject);
    for (let round = 1; round <= (options.rounds ?? ROUNDS); round++) {
      const found = new Map<string, Started>();
      for (const subject of shuffled(SUBJECTS)) found.set(subject, await probe(subject));
      for (const [subject, started] of found)
        rows.push({ suite: 'start', case: 'process', subject, round, ...started });
      options.progress(`process: round ${round}`);
    }
    rows.sort((a, b) => a.round - b.round || SUBJECTS.indexOf(a.subject) - SUBJECTS.indexOf(b.subject));
    for (const subject of ['undici', 'inmesh']) {
      rows.push({ suite: 'start', case: 'install', subject, round: 1, ...installSize(subject, ROOT) });
    }
    return { rows, metrics, baseline: 'undici', skipped: [], notes: [] };
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }
}

/** A process of its own, without the condition that lets this one run from source. */
async function start(argument: ProbeArgument): Promise<Started> {
  const { helper, ready } = await Helper.start<Started>(new URL('./probe.ts', import.meta.url), argument, []);
  await helper.stop();
  return ready;
}
