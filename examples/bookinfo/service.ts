/**
 * One Bookinfo service in a process of its own: `node --conditions=@inmesh/source service.ts NAME CLUSTER PORT`.
 *
 * It is a user of the mesh like any other: the bootstrap comes from the environment (GRPC_XDS_BOOTSTRAP or
 * GRPC_XDS_BOOTSTRAP_CONFIG), and the services further down are called by their names, `http://ratings:9080/…`.
 */
import { createServer, type ServerResponse } from 'node:http';
import { flushCompileCache } from 'node:module';
import { setTimeout as work } from 'node:timers/promises';
import { createMesh } from 'inmesh';
import { Caller, CLUSTER, PART_BROKEN_AT, SERVED_BY } from './demo/calls.ts';
import { Reports } from './demo/reports.ts';

const [name = '', cluster = '', port = ''] = process.argv.slice(2);
if (port === '') throw new Error('usage: service.ts NAME CLUSTER PORT');

/** Milliseconds that each service pretends to work: enough that some calls are always in flight. */
const WORK_MS = { ratings: 5, beforeReview: 15, withinReview: 25 };

/** What each cluster needs to answer. */
const NEEDS: { readonly [cluster: string]: string } = {
  productpage: 'reviews',
  'reviews-v2': 'ratings',
  'reviews-v3': 'ratings',
};

const mesh = await createMesh();
const reports = new Reports();
const caller = new Caller(name, '', mesh.fetch, (call) => reports.add(call));
reports.onTag((tag) => caller.retag(tag));

let stopping = false;
const server = createServer(async (_, response) => {
  if (stopping) response.setHeader('connection', 'close');
  response.setHeader(SERVED_BY, name);
  response.setHeader(CLUSTER, cluster);
  response.setHeader('content-type', 'application/json');
  if (await hasItsPart(response)) await answer(response);
});

/** Calls the service that this one needs, if any; without it the answer is 502, and says whether the part had begun. */
async function hasItsPart(response: ServerResponse): Promise<boolean> {
  const service = NEEDS[cluster];
  if (service === undefined) return true;
  const { outcome, brokenAt, why } = await caller.call(service, `http://${service}:9080/${service}/0`);
  if (outcome === 'ok') return true;
  if (brokenAt !== null) response.setHeader(PART_BROKEN_AT, brokenAt);
  response.writeHead(502).end(JSON.stringify({ error: `${service}: ${why}` }));
  return false;
}

async function answer(response: ServerResponse): Promise<void> {
  if (!cluster.startsWith('reviews')) {
    await work(WORK_MS.ratings);
    response.end(JSON.stringify({ name }));
    return;
  }
  // Reviews come in two pieces, so that an endpoint can die between them.
  await work(WORK_MS.beforeReview * (0.5 + Math.random()));
  response.write(`{"name":${JSON.stringify(name)},`);
  await work(WORK_MS.withinReview * (0.5 + Math.random()));
  response.end('"text":"An extremely entertaining play by Shakespeare."}');
}

/** Takes no more connections, answers what is in flight, and goes. */
function stop(): void {
  if (stopping) return;
  stopping = true;
  server.close(async () => {
    await mesh.drain();
    reports.close();
  });
}

process.on('SIGTERM', stop);
// Ctrl-C reaches every process of the terminal; when to end is the demo's to say, by closing the channel.
process.on('SIGINT', () => {});
process.once('disconnect', () => process.exit());

const needed = NEEDS[cluster];
if (needed !== undefined) await mesh.ready({ services: [`http://${needed}:9080`] });
server.listen(Number(port), '127.0.0.1', () => {
  // Where NODE_COMPILE_CACHE is set, the next process of this kind starts with what this one compiled.
  flushCompileCache();
  reports.ready();
});
