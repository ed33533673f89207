import assert from 'node:assert/strict';
import { CLUSTERS } from '../conformance/validation/clusters.ts';
import type { EdgeCase } from '../conformance/validation/edge-case.ts';
import { NAME } from '../conformance/validation/edge-case.ts';
import { ENDPOINTS } from '../conformance/validation/endpoints.ts';
import { LISTENERS } from '../conformance/validation/listeners.ts';
import { ROUTES } from '../conformance/validation/routes.ts';
import { Envoy } from './support/envoy.ts';
import { binaryOf, describeWithPeers } from './support/peers.ts';
import { PeerProcess } from './support/processes.ts';
import { Verdicts } from './support/verdicts.ts';

const CASES: readonly EdgeCase[] = [...CLUSTERS, ...ENDPOINTS, ...LISTENERS, ...ROUTES];

/** A peer must agree with what inmesh does by its profile, but where the table says that it does not, and why. */
function compare(verdicts: () => Verdicts, profile: 'envoy' | 'grpc', difference: 'unlikeEnvoy' | 'unlikeGrpc'): void {
  for (const edge of CASES) {
    const reason = edge[difference];
    const refuses = (edge[profile] !== null) !== (reason !== undefined);
    const title = `${edge.kind}, ${edge.title}: ${refuses ? 'refused' : 'accepted'}`;
    it(reason === undefined ? title : `${title}, unlike inmesh: ${reason}`, async () => {
      const verdict = await verdicts().of(edge);
      assert.equal(verdict === null ? 'accepted' : 'refused', refuses ? 'refused' : 'accepted', verdict ?? '');
    });
  }
}

/**
 * A control plane sends a real Envoy one resource after the other that is at the edge of what is valid, or beyond it, and hears
 * ACK or NACK. The same table is what `npm run test:conformance` holds inmesh against.
 */
describeWithPeers(['envoy'], 'what the real Envoy refuses', () => {
  let verdicts: Verdicts;
  let envoy: Envoy;
  before(async () => {
    verdicts = await Verdicts.start('socket');
    envoy = await Envoy.start({ node: 'validation', ads: verdicts.port });
    await verdicts.ready();
  });
  after(async () => {
    await envoy.stop();
    await verdicts.close();
  });
  compare(() => verdicts, 'envoy', 'unlikeEnvoy');
});

/** The same for a real client of grpc-go, by the profile `grpc`. */
describeWithPeers(['grpc-go-watcher'], 'what the real grpc-go refuses', () => {
  let verdicts: Verdicts;
  let watcher: PeerProcess;
  before(async () => {
    verdicts = await Verdicts.start('api');
    const bootstrap = {
      xds_servers: [
        {
          server_uri: `127.0.0.1:${verdicts.port}`,
          channel_creds: [{ type: 'insecure' }],
          server_features: ['xds_v3'],
        },
      ],
      node: { id: 'validation' },
    };
    watcher = new PeerProcess('grpc-go', binaryOf('grpc-go-watcher'), [`xds:///${NAME}`], {
      GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap),
    });
    await verdicts.ready();
  });
  after(async () => {
    await watcher.stop();
    await verdicts.close();
  });
  compare(() => verdicts, 'grpc', 'unlikeGrpc');
});
