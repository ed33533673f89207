import { setTimeout as pause } from 'node:timers/promises';
import { createMesh } from 'inmesh';
import { argument, endWithParent, tellParent } from '../processes.ts';
import type { Identities, Service } from './feed.ts';
import { rawHttp1, rawHttp2, rawTls, type Subject, throughMesh } from './subjects.ts';

export interface MemoryOptions {
  readonly subject: 'raw' | 'inmesh';
  readonly service: Service;
  readonly identities: Identities;
  readonly controlPlane: string;
  /** Connections whose memory is measured. */
  readonly count: number;
}

/** Kilobytes for each connection. */
export interface MemoryFound {
  readonly rssKb: number;
  readonly heapKb: number;
}

/** Connections there before anything is measured: what the process needed to start, some megabytes, is let go of while they are made. */
const FIRST = 1_000;
/** Milliseconds after which what a connection needed for its handshake only is let go of. */
const REST_MS = 300;
const COLLECTIONS = 12;

const { subject, service, identities, controlPlane, count } = argument<MemoryOptions>();
endWithParent();
const open = subject === 'raw' ? opensRaw() : await opensThroughMesh();
await open(FIRST);
const before = await used();
// What is open is used again: so many calls at once lead to so many connections in all.
await open(FIRST + count);
const after = await used();
// Called once more: what is used no further would have been collected with all that it holds.
await open(1);
tellParent({
  rssKb: (after.rss - before.rss) / 1024 / count,
  heapKb: (after.heap - before.heap) / 1024 / count,
} satisfies MemoryFound);

/** Makes so many calls at the same time, each of which needs a connection of its own. */
type Open = (calls: number) => Promise<void>;

function opensRaw(): Open {
  const tls = rawTls(service, identities);
  if (service.protocol === 'http1') return atOnce(rawHttp1('raw', service, tls));
  // node:http2 has no pool: a session each, and the ones that were there stay.
  const sessions: Subject[] = [];
  return async (calls) => {
    while (sessions.length < calls) sessions.push(rawHttp2('raw', service, tls));
    await Promise.all(sessions.map((session) => session.call()));
  };
}

async function opensThroughMesh(): Promise<Open> {
  const mesh = await createMesh({
    bootstrapConfig: JSON.stringify({
      xds_servers: [{ server_uri: controlPlane, channel_creds: [{ type: 'insecure' }] }],
      node: { id: 'bench' },
    }),
  });
  return atOnce(throughMesh('inmesh', service, mesh));
}

function atOnce(each: Subject): Open {
  return async (calls) => {
    await Promise.all(Array.from({ length: calls }, () => each.call()));
  };
}

async function used(): Promise<{ readonly rss: number; readonly heap: number }> {
  await pause(REST_MS);
  // Code that is not used any more is let go of only after several collections, and would count as less memory afterwards.
  for (let i = 0; i < COLLECTIONS; i++) global.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}
