import assert from 'node:assert/strict';
import { type ControlPlane, startControlPlane } from '@inmesh/control-plane';
import { Envoy } from './support/envoy.ts';
import { cluster } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { until } from './support/until.ts';

/**
 * A real Envoy hangs on the embedded control plane, in either variant of ADS. A cluster changes and its endpoints do not: Envoy warms
 * it as a new one, and takes it into use once it is told the endpoints again. It is told to wait for them without end, so that a
 * control plane that does not repeat them leaves it waiting.
 */
for (const variant of ['sotw', 'delta'] as const) {
  describeWithPeers(['envoy'], `the embedded control plane to Envoy, ${variant}`, () => {
    let plane: ControlPlane;
    let envoy: Envoy;
    const eds_cluster_config = { eds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' } };
    const resources = (connect_timeout: string) => [
      ...cluster('changing', [9], { connect_timeout, eds_cluster_config }),
      ...cluster('other', [9], { eds_cluster_config }),
    ];

    before(async () => {
      plane = await startControlPlane({ resources: resources('1s') });
      envoy = await Envoy.start({ node: 'envoy', ads: Number(plane.address.split(':')[1]), variant });
    });
    after(async () => {
      await envoy.stop();
      await plane.close();
    });

    async function stat(name: string): Promise<number> {
      const text = await (await fetch(`${envoy.admin}/stats?filter=^${name}$`)).text();
      return Number(text.split(': ')[1]);
    }

    it('a changed cluster is in use as soon as it was told', async () => {
      for (const seconds of [2, 3]) {
        plane.update(resources(`${seconds}s`));
        await until(`${seconds - 1} changes of a cluster are in force`, async () => {
          const [modified, warming] = [
            await stat('cluster_manager.cluster_modified'),
            await stat('cluster_manager.warming_clusters'),
          ];
          return modified === seconds - 1 && warming === 0;
        });
      }
      const dump = await (await fetch(`${envoy.admin}/clusters?format=json`)).json();
      const { cluster_statuses: clusters } = dump as { cluster_statuses: { name: string; host_statuses?: object[] }[] };
      const changing = clusters.find(({ name }) => name === 'changing');
      assert.equal(changing?.host_statuses?.length, 1);
    });
  });
}
