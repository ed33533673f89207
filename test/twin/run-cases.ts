import type { Area, Case } from './case.ts';
import { listeningOf, type PlacedCase, recordersOf, resourcesOf, standardResources } from './feed.ts';
import { listenerPorts } from './ports.ts';
import { runCase, type Verdict } from './run-case.ts';
import { statDifferences } from './stats.ts';
import { sameFeed, Twin } from './twin.ts';
import { Recorders } from './upstream/recorders.ts';
import type { UpstreamKind } from './upstream/upstream.ts';

/** Cases whose requests are under way at once. */
const CONCURRENCY = 16;

/** Runs all cases in one Envoy: every listener in one feed. */
export async function runCases(areas: readonly Area[], kind: UpstreamKind): Promise<Verdict[]> {
  if (areas.every(({ cases }) => cases.length === 0)) return [];
  const all = areas.flatMap(({ area, cases }) => cases.map((definition) => ({ area, definition })));
  requireUnique(all.map(({ definition }) => definition));
  const ports = await listenerPorts(all.length);
  const placed = all.map(({ definition }, index) => ({
    definition,
    name: `case-${index + 1}`,
    port: ports[index] ?? 0,
  }));
  const recorders = await Recorders.create(kind);
  const definitions = all.map(({ definition }) => definition);
  const recorderPorts = await recorders.ports(recordersOf(definitions), listeningOf(definitions));
  const { folder } = recorders.certificates;
  const good = placed.filter(({ definition }) => definition.refused === undefined);
  const feed = (cases: readonly PlacedCase[]) =>
    sameFeed([
      ...standardResources(recorderPorts),
      ...cases.flatMap((each) => resourcesOf(each, recorderPorts, folder)),
    ]);
  const twin = await Twin.start(feed(good), recorders);
  try {
    const refusals = await twin.acknowledged();
    const verdicts = new Map<Case, string[]>();
    // What a side refused cannot be judged, whatever the requests would seem to say.
    for (const { definition, name } of good) {
      const message = refusals.envoy.find((each) => names(each, name));
      if (message !== undefined) verdicts.set(definition, [`envoy refused it: ${message}`]);
    }
    const queue = good.filter(({ definition }) => !verdicts.has(definition));
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        // inmesh asks for clusters when their service is first called, and holds no call up for a mirror that it does not know yet.
        await twin.mesh.explain(`http://${next.name}`);
        verdicts.set(next.definition, await runCase(twin, next));
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    await addStatDifferences(twin, good, verdicts);
    for (const each of placed.filter(({ definition }) => definition.refused !== undefined)) {
      // One at a time: Envoy cuts the message of a NACK, so that of many refusals it names the first few.
      twin.update(feed([each]));
      verdicts.set(each.definition, await refusalProblems(twin, each));
    }
    return all.map(({ area, definition }) => ({ area, definition, problems: verdicts.get(definition) ?? ['not run'] }));
  } finally {
    await twin.stop();
  }
}

/** What is counted is left to chance where a share of the calls is drawn, and with several endpoints: each side begins with another. */
function countedClusters({ clusters = {}, requests }: Case): string[] {
  if (requests.some((request) => typeof request !== 'string' && request.split !== undefined)) return [];
  return Object.keys(clusters).filter((name) => (clusters[name]?.endpoints?.length ?? 1) <= 1);
}

/** Clusters of a case's own have counted the same on both sides, unless the requests differed already. */
async function addStatDifferences(twin: Twin, cases: readonly PlacedCase[], verdicts: Map<Case, string[]>) {
  const clusters = cases.flatMap(({ definition }) => countedClusters(definition));
  const alone = cases.flatMap(({ definition: { clusters: own = {} } }) =>
    Object.entries(own).flatMap(([name, { listens, uncounted = [] }]) =>
      listens === undefined ? [] : [[name, uncounted] as const],
    ),
  );
  const differences = await statDifferences(twin, clusters, new Map(alone));
  for (const { definition, name } of cases) {
    const problems = verdicts.get(definition);
    if (problems === undefined || problems.length > 0 || twin.lost.has(name)) continue;
    for (const cluster of countedClusters(definition)) problems.push(...(differences.get(cluster) ?? []));
  }
}

/** Both must refuse the case's listener. inmesh, which asks by name, hears of it when it is asked about the service. */
async function refusalProblems(twin: Twin, { definition, name }: PlacedCase): Promise<string[]> {
  await twin.mesh.explain(`http://${name}`, { within: 100 });
  const { envoy } = await twin.acknowledged();
  const problems: string[] = [];
  if (!envoy.some((message) => names(message, name))) problems.push('envoy takes the configuration');
  const status = JSON.stringify(twin.mesh.feed());
  return problems.concat(status.includes(definition.refused ?? '') ? [] : [`inmesh does not refuse it: ${status}`]);
}

function names(message: string, name: string): boolean {
  return new RegExp(`\\b${name}\\b`).test(message);
}

function requireUnique(cases: readonly Case[]): void {
  const names = new Set<string>();
  const clusters = new Map<string, string>();
  for (const { name, clusters: own = {} } of cases) {
    if (names.has(name)) throw new Error(`two cases are named "${name}"; rename one`);
    names.add(name);
    for (const cluster of Object.keys(own)) {
      const other = clusters.get(cluster);
      if (other !== undefined) throw new Error(`cluster "${cluster}" is in "${other}" and in "${name}"; rename one`);
      clusters.set(cluster, name);
    }
  }
}
