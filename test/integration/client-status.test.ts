// What a process takes from its control planes, asked for as operators do: over gRPC, with the client and the server that they
// have, and as JSON.
import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { fromJson, messageType } from '@inmesh/api';
import type { ClientStatusRequest, ClientStatusResponse } from '@inmesh/api/gen/envoy/service/status/v3/csds_pb';
import { grpcServer } from '@inmesh/transports/rpc';
import { createMesh, type Mesh } from 'inmesh';
import { apiListener, cluster, endpoints, service, virtualHost } from '../support/feed.ts';
import { Scene, until } from '../support/scene.ts';

const requestType = () => messageType<ClientStatusRequest>('envoy.service.status.v3.ClientStatusRequest');
const responseType = () => messageType<ClientStatusResponse>('envoy.service.status.v3.ClientStatusResponse');

/** A client as protobuf's generators make it for grpc-js. */
const Client = grpc.makeGenericClientConstructor(
  Object.fromEntries(
    (['StreamClientStatus', 'FetchClientStatus'] as const).map((name) => [
      name,
      {
        path: `/envoy.service.status.v3.ClientStatusDiscoveryService/${name}`,
        requestStream: name === 'StreamClientStatus',
        responseStream: name === 'StreamClientStatus',
        requestSerialize: (message: ClientStatusRequest) => Buffer.from(toBinary(requestType(), message)),
        requestDeserialize: (bytes: Buffer) => fromBinary(requestType(), bytes),
        responseSerialize: (message: ClientStatusResponse) => Buffer.from(toBinary(responseType(), message)),
        responseDeserialize: (bytes: Buffer) => fromBinary(responseType(), bytes),
      },
    ]),
  ),
  'ClientStatusDiscoveryService',
);

class StatusClient {
  readonly #client: InstanceType<typeof Client>;

  constructor(address: string) {
    this.#client = new Client(address, grpc.credentials.createInsecure());
  }

  fetch(json = {}): Promise<ClientStatusResponse> {
    return new Promise((resolve, reject) => {
      const fetch = this.#client.FetchClientStatus as (
        request: ClientStatusRequest,
        done: (error: Error | null, response: ClientStatusResponse) => void,
      ) => void;
      fetch.call(this.#client, fromJson(requestType(), json), (error, response) =>
        error === null ? resolve(response) : reject(error),
      );
    });
  }

  /** Sends all requests at once; resolves to the responses when the server has ended the stream. */
  stream(requests: readonly object[]): Promise<ClientStatusResponse[]> {
    return new Promise((resolve, reject) => {
      const open = this.#client.StreamClientStatus as () => grpc.ClientDuplexStream<
        ClientStatusRequest,
        ClientStatusResponse
      >;
      const call = open.call(this.#client);
      const responses: ClientStatusResponse[] = [];
      call.on('data', (response: ClientStatusResponse) => responses.push(response));
      call.on('error', reject);
      call.on('end', () => resolve(responses));
      for (const each of requests) call.write(fromJson(requestType(), each as Record<string, never>));
      call.end();
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** The same service on each kind of server. */
const servers = {
  'grpc-js': async (mesh: Mesh) => {
    const server = new grpc.Server();
    const { service: definition, handlers } = mesh.statusService();
    server.addService(definition, handlers);
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      ),
    );
    return { address: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
  },
  'the mesh’s own': async (mesh: Mesh) => {
    const server = grpcServer({ services: mesh.statusService().methods });
    return { address: await server.listen({ port: 0 }), close: () => server.destroy() };
  },
};

describe('client status', () => {
  for (const [name, start] of Object.entries(servers)) {
    it(`tells a client of grpc-js what is in force and what was refused, from ${name} server`, async () => {
      await using scene = await Scene.start(service('shop', [1], { listener: 'shop:80' }));
      const mesh = await scene.mesh({ services: ['http://shop/'] });
      await mesh.ready();
      scene.plane.update([
        apiListener('shop:80', [virtualHost('shop', [{ match: { prefix: '/' }, route: { cluster: 'shop' } }])]),
        cluster('shop', { connect_timeout: '-1s' }),
        endpoints('shop', [1]),
      ]);
      await until(() => mesh.feed()?.resources.some(({ state }) => state === 'NACKED') === true, 'a NACK');
      const server = scene.use(await start(mesh));
      const client = scene.use(new StatusClient(server.address));

      const { config } = await client.fetch();
      const [first, ...others] = config;
      assert.deepEqual(others, []);
      assert.equal(first?.node?.id, 'test-node');
      const byType = Object.fromEntries(
        first.genericXdsConfigs.map((each) => [each.typeUrl.split('.').at(-1) ?? '', each]),
      );
      assert.deepEqual(Object.keys(byType).sort(), ['Cluster', 'ClusterLoadAssignment', 'Listener']);
      assert.equal(byType.ClusterLoadAssignment?.clientStatus, 3);
      const refused = byType.Cluster;
      assert.equal(refused?.clientStatus, 4);
      assert.notEqual(refused.xdsConfig, undefined, 'what is in force');
      assert.notEqual(refused.versionInfo, '');
      assert.match(refused.errorState?.details ?? '', /connect_timeout/);
      assert.match(refused.errorState?.details ?? '', /test-node/);
      assert.notEqual(refused.errorState?.versionInfo, refused.versionInfo);
      assert.notEqual(refused.errorState?.failedConfiguration, undefined);

      const short = await client.fetch({ exclude_resource_contents: true });
      assert.ok(short.config[0]?.genericXdsConfigs.every(({ xdsConfig }) => xdsConfig === undefined));
      await assert.rejects(client.fetch({ node_matchers: [{}] }), { code: 3 });

      const streamed = await client.stream([{}, { exclude_resource_contents: true }, {}]);
      assert.deepEqual(
        streamed.map((each) => each.config[0]?.genericXdsConfigs.filter(({ xdsConfig }) => xdsConfig).length),
        [3, 0, 3],
      );
      await assert.rejects(client.stream([{}, { node_matchers: [{}] }]), { code: 3 });
    });
  }

  it('says the same as JSON, also of what has no answer yet', async () => {
    await using scene = await Scene.start([]);
    const mesh = await scene.mesh();
    await assert.rejects(mesh.ready({ services: ['http://nowhere/'], within: 100 }));
    const { config } = await mesh.clientStatus();
    const [first] = config as { generic_xds_configs: { name: string; client_status: string }[] }[];
    assert.deepEqual(
      first?.generic_xds_configs.map(({ name, client_status: status }) => [name, status]),
      [
        ['nowhere:80', 'REQUESTED'],
        ['nowhere', 'REQUESTED'],
      ],
    );
  });

  it('is empty, and no error, for a mesh without a control plane', async () => {
    await using mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        static_resources: { clusters: [{ name: 'c', type: 'STATIC', load_assignment: { cluster_name: 'c' } }] },
      }),
      env: {},
    });
    const { config } = await mesh.clientStatus();
    assert.deepEqual((config[0] as { generic_xds_configs?: unknown }).generic_xds_configs, [
      {
        type_url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
        name: 'c',
        client_status: 'ACKED',
        is_static_resource: true,
      },
    ]);
  });
});
