import { createMesh } from '../create-mesh.ts';
import type { Explanation } from '../explain.ts';
import type { CommandIo } from './io.ts';
import { parseCommandLine, UsageError } from './usage.ts';

/** `inmesh explain URL`: exit code 0 where the call would go out, 1 where it would be refused or nothing is known. */
export async function explainCommand(args: readonly string[], io: CommandIo): Promise<number> {
  const { values, positionals } = parseCommandLine({
    args: [...args],
    allowPositionals: true,
    options: {
      bootstrap: { type: 'string' },
      within: { type: 'string', default: '5000' },
      method: { type: 'string', default: 'GET' },
      header: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
    },
  });
  const [url, ...more] = positionals;
  if (url === undefined || more.length > 0) throw new UsageError('give one URL');
  if (!URL.canParse(url)) throw new UsageError(`"${url}" is no URL; write http://reviews:9080/`);
  if (!/^\d{1,9}$/.test(values.within))
    throw new UsageError(`--within ${values.within}: give a number of milliseconds`);
  const headers = Object.fromEntries(values.header.map(readHeader));
  await using mesh = await createMesh({
    env: io.env,
    onWarning: (warning) => io.err(`warning: ${warning.message}`),
    ...(values.bootstrap === undefined ? {} : { bootstrap: values.bootstrap }),
  });
  const { method } = values;
  const explanation = await mesh.explain(url, { within: Number(values.within), method, headers });
  io.out(values.json ? JSON.stringify(explanation, null, 2) : describe(explanation));
  return explanation.verdict === 'mesh' || explanation.verdict === 'pass-through' ? 0 : 1;
}

function readHeader(text: string): [string, string] {
  const colon = text.indexOf(':', 1);
  if (colon < 0) throw new UsageError(`--header ${text}: write "name: value"`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

/** Routes that are told of: those before the one that is taken; more would hide the rest. */
const SHOWN_ROUTES = 20;

function describe({ url, verdict, why, clusters, ...found }: Explanation): string {
  const lines = [`${url}: ${verdict}`];
  for (const [label, value] of [
    ['listener', found.listener],
    ['route configuration', found.routeConfiguration],
    ['virtual host', found.virtualHost],
    ['route', found.route],
  ] as const) {
    if (value !== null) lines.push(`  ${label}: ${value}`);
  }
  const taken = found.routes.findIndex(({ missing }) => missing === null);
  const passed = taken < 0 ? found.routes : found.routes.slice(0, taken);
  for (const { route, missing } of passed.slice(0, SHOWN_ROUTES)) lines.push(`    not ${route}: ${missing}`);
  if (passed.length > SHOWN_ROUTES) lines.push(`    nor ${passed.length - SHOWN_ROUTES} more`);
  for (const cluster of clusters) {
    lines.push(
      `  cluster: ${cluster.name} (${Math.round(cluster.share * 1000) / 10} %, ${cluster.type}, ${cluster.lbPolicy})`,
    );
    if (cluster.error !== null) lines.push(`    ${cluster.error}`);
    for (const { address, health, weight, priority, locality } of cluster.endpoints) {
      lines.push(
        `    ${address}  ${health}  weight ${weight}  priority ${priority}${locality === '' ? '' : `  ${locality}`}`,
      );
    }
  }
  const { flavour } = found;
  lines.push(`  feed: ${flavour.name ?? 'of a flavour not known yet'} (${flavour.why}), from ${found.origin}`);
  for (const lack of flavour.lacks) lines.push(`    without ${lack}`);
  lines.push('  why:', ...why.map((reason) => `    ${reason}`));
  return lines.join('\n');
}
