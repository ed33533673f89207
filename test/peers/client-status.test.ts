import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { type GrpcServer, grpcServer } from '@inmesh/transports/rpc';
import { createMesh, type Mesh } from 'inmesh';
import { apiListener, cluster, host, to } from './support/feed.ts';
import { binaryOf, describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';
import { PeerProcess } from './support/processes.ts';
import { until } from './support/until.ts';

/** What is compared: a resource, what became of it, and of what was refused. */
interface Told {
  readonly type: string;
  readonly name: string;
  readonly status: string;
  readonly version: string;
  readonly refused: string;
}

interface GenericXdsConfig {
  readonly type_url: string;
  readonly name: string;
  readonly version_info?: string;
  readonly client_status?: string;
  readonly last_updated?: string;
  readonly error_state?: {
    readonly details?: string;
    readonly version_info?: string;
    readonly last_update_attempt?: string;
  };
}

/**
 * A client of grpc-go and inmesh take the same feed, in which a cluster is then refused. A client of grpc-go asks both for their
 * status over CSDS: inmesh must say what grpc-go says, resource for resource.
 */
describeWithPeers(['grpc-go-watcher'], 'client status of grpc-go and of inmesh', () => {
  let plane: ControlPlane;
  let watcher: PeerProcess;
  let mesh: Mesh;
  let server: GrpcServer;
  let addresses: { readonly grpcGo: string; readonly inmesh: string };

  const resources = (more: object = {}): ResourceInput[] => [
    apiListener('shop', [host('shop', ['*'], [to('one')])]),
    ...cluster('one', [1], more as Record<string, unknown>),
  ];

  before(async () => {
    plane = await startControlPlane({ resources: resources() });
    const bootstrap = (id: string): object => ({
      xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
      node: { id },
    });
    const [port = 0] = await freePorts(1);
    watcher = new PeerProcess('grpc-go', binaryOf('grpc-go-watcher'), ['xds:///shop', `127.0.0.1:${port}`], {
      GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap('grpc-go')),
    });
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        ...bootstrap('inmesh'),
        client_default_listener_resource_name_template: 'shop',
      }),
      env: {},
    });
    await mesh.ready({ services: ['http://shop/'] });
    server = grpcServer({ services: mesh.statusService().methods });
    addresses = { grpcGo: `127.0.0.1:${port}`, inmesh: await server.listen({ port: 0 }) };
  });
  after(async () => {
    await server?.destroy();
    mesh?.close();
    await watcher?.stop();
    await plane?.close();
  });

  async function ask(address: string): Promise<{ node: string; told: Told[]; raw: GenericXdsConfig[] }> {
    const { stdout } = await promisify(execFile)(binaryOf('grpc-go-watcher'), ['status', address]);
    const { config } = JSON.parse(stdout) as {
      config: { node: { id: string }; generic_xds_configs?: GenericXdsConfig[] }[];
    };
    const [first, ...others] = config;
    assert.deepEqual(others, []);
    const raw = first?.generic_xds_configs ?? [];
    const told = raw.map((each) => ({
      type: each.type_url,
      name: each.name,
      status: each.client_status ?? '',
      version: each.version_info ?? '',
      refused: each.error_state?.version_info ?? '',
    }));
    return { node: first?.node.id ?? '', told: told.sort((a, b) => (a.type < b.type ? -1 : 1)), raw };
  }

  /** Once so many resources have a status. */
  async function both(
    status: string,
    count: number,
  ): Promise<Record<'grpcGo' | 'inmesh', Awaited<ReturnType<typeof ask>>>> {
    const settled = (address: string) =>
      until(`${address} tells of ${status}`, async () => {
        const answer = await ask(address);
        return answer.told.filter((each) => each.status === status).length === count ? answer : null;
      });
    return { grpcGo: await settled(addresses.grpcGo), inmesh: await settled(addresses.inmesh) };
  }

  it('while all is accepted', async () => {
    const { grpcGo, inmesh } = await both('ACKED', 3);
    assert.equal(grpcGo.told.length, 3);
    assert.deepEqual(inmesh.told, grpcGo.told);
    assert.deepEqual([grpcGo.node, inmesh.node], ['grpc-go', 'inmesh']);
  });

  it('when a cluster is refused: the version in force, and the one that was refused', async () => {
    plane.update(resources({ outlier_detection: { interval: '-1s' } }));
    const { grpcGo, inmesh } = await both('NACKED', 1);
    const refused = grpcGo.told.find(({ status }) => status === 'NACKED');
    assert.match(refused?.type ?? '', /Cluster$/);
    assert.notEqual(refused?.refused, refused?.version);
    assert.deepEqual(inmesh.told, grpcGo.told);
    for (const { raw } of [grpcGo, inmesh]) {
      const [one] = raw.filter(({ client_status: status }) => status === 'NACKED');
      assert.match(one?.error_state?.details ?? '', /outlier_detection/i);
      assert.ok(Date.parse(one?.error_state?.last_update_attempt ?? '') >= Date.parse(one?.last_updated ?? ''));
    }
  });
});
