/**
 * `npm run demo:routing`: header routing, a rewrite, faults and overrides on inmesh. Plays every phase once, prints what it counted and
 * ends: with 0 if every claim held, else with 1.
 */
import { startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { feed } from './feed.ts';
import { phases } from './phases.ts';
import { Ledger, ratings, reviews, Service } from './services.ts';

const ledger = new Ledger();
const cleanup = new AsyncDisposableStack();
const own: { mesh: Mesh | null } = { mesh: null };

/** That of the reviews: they take calls only after it was made. */
function meshOfReviews(): Mesh {
  if (own.mesh === null) throw new Error('a call came before the mesh of reviews was made');
  return own.mesh;
}

try {
  const ports = new Map<string, number>();
  for (const cluster of ['reviews-v1', 'reviews-v2', 'reviews-v3', 'ratings-v1', 'ratings-v2']) {
    const answer = cluster.startsWith('reviews') ? reviews(meshOfReviews) : ratings;
    ports.set(cluster, cleanup.use(await Service.start(cluster, ledger, answer)).port);
  }
  const plane = await startControlPlane({ resources: await feed(ports) });
  cleanup.defer(() => plane.close());
  const bootstrap = (id: string) =>
    JSON.stringify({
      xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
      node: { id },
    });
  own.mesh = cleanup.use(
    await createMesh({
      bootstrapConfig: bootstrap('reviews'),
      env: {},
      acceptOverrides: { route: { 'ratings:9080': ['ratings-v2'] } },
    }),
  );
  const mesh = cleanup.use(await createMesh({ bootstrapConfig: bootstrap('user'), env: {} }));
  await mesh.ready({ services: ['http://reviews:9080', 'http://ratings:9080'] });
  let held = 0;
  let count = 0;
  for (const { title, play } of phases) {
    console.log(title);
    for (const claim of await play({ mesh, ledger })) {
      console.log(`    ${claim.held ? 'held' : 'DID NOT HOLD'}  ${claim.text}: ${claim.detail}`);
      count++;
      if (claim.held) held++;
    }
  }
  console.log(`\n${held} of ${count} claims held`);
  if (held < count) process.exitCode = 1;
} finally {
  await cleanup.disposeAsync();
}
