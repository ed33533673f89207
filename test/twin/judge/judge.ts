import { listenerPorts } from '../ports.ts';
import { judgeAsk } from '../run-case.ts';
import { Twin } from '../twin.ts';
import { Recorders } from '../upstream/recorders.ts';
import { readFeed } from './feed-folder.ts';
import { listenersOf, type PlacedListener, place, record, recordersOf } from './place.ts';
import { type JudgedRequest, readRequests } from './requests-file.ts';

export interface JudgeOptions {
  readonly feed: string;
  readonly requests: string;
  /** Recorders take the place of all endpoints: what arrives upstream is compared too. */
  readonly record: boolean;
}

/** What came of one request, or of the feed as a whole. */
export interface Judgement {
  readonly title: string;
  /** What happened where both agree, in a few words. */
  readonly outcome: string;
  /** None where both agree. */
  readonly differences: readonly string[];
}

/** Gives a feed from outside to both sides, and its requests. Throws where the files cannot be used. */
export async function judge({ feed: folder, requests: file, record: recording }: JudgeOptions): Promise<Judgement[]> {
  const resources = readFeed(folder);
  const requests = readRequests(file);
  const recorders = await Recorders.create('h1');
  const ports = await recorders.ports(recording ? recordersOf(resources) : []);
  const fed = recording ? record(resources, (name) => ports.get(name) ?? 0) : resources;
  const { listeners, feed } = place(fed, await listenerPorts(listenersOf(fed).length));
  if (listeners.length === 0) throw new Error(`${folder} has no listener: there is nothing to send requests to`);
  const twin = await Twin.start(feed, recorders);
  try {
    const { judgement, refused } = await judgeFeed(twin, listeners);
    const judgements: Judgement[] = [judgement];
    for (const request of requests) {
      const listener = listenerFor(request, listeners);
      if (refused.has(listener.service)) {
        judgements.push({
          title: request.title,
          outcome: `not sent: listener ${listener.name} is refused`,
          differences: [],
        });
      } else {
        judgements.push(await judgeRequest(twin, listener, request));
      }
    }
    return judgements;
  } finally {
    await twin.stop();
  }
}

/** Both must take the same listeners. */
async function judgeFeed(twin: Twin, listeners: readonly PlacedListener[]) {
  await Promise.all(listeners.map(({ service }) => twin.mesh.explain(`http://${service}`, { within: 2_000 })));
  const { envoy: messages } = await twin.acknowledged();
  const resources = twin.mesh.feed()?.resources ?? [];
  const differences: string[] = [];
  const refused = new Set<string>();
  for (const { name, service } of listeners) {
    const theirs = messages.find((message) => new RegExp(`\\b${service}\\b`).test(message));
    const ours = resources.find(
      (each) => each.kind === 'listener' && each.name === service && each.state === 'NACKED',
    )?.error;
    if (theirs !== undefined) refused.add(service);
    if (theirs !== undefined && ours === undefined) differences.push(`listener ${name}: only envoy refuses: ${theirs}`);
    if (theirs === undefined && ours !== undefined) differences.push(`listener ${name}: only inmesh refuses: ${ours}`);
  }
  const bad = refused.size === 0 ? '' : `, ${refused.size} refused`;
  return { judgement: { title: 'the feed', outcome: `${listeners.length} listeners${bad}`, differences }, refused };
}

async function judgeRequest(twin: Twin, listener: PlacedListener, request: JudgedRequest): Promise<Judgement> {
  const { title } = request;
  try {
    return { title, ...(await judgeAsk(twin, listener, request)) };
  } catch (error) {
    return { title, outcome: 'failed', differences: [error instanceof Error ? error.message : String(error)] };
  }
}

/** By name, by the authority as a proxyless client names its listener, by its port, or the only one. */
function listenerFor({ listener, authority, title }: JudgedRequest, all: readonly PlacedListener[]): PlacedListener {
  const port = Number(/:(\d+)$/.exec(authority)?.[1] ?? 80);
  const found =
    listener === null
      ? (all.find(({ name }) => name === authority || name === `${authority}:80`) ??
        all.find(({ feedPort }) => feedPort === port) ??
        (all.length === 1 ? all[0] : undefined))
      : all.find(({ name }) => name === listener);
  if (found !== undefined) return found;
  const names = all.map(({ name }) => name).join(', ');
  throw new Error(`${title}: no listener is meant; name one of ${names} with "listener"`);
}
