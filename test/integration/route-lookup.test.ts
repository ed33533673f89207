// Calls whose clusters a lookup service chooses, over real sockets: the service is a gRPC server, as a control plane of gRPC names it.
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type {
  RouteLookupRequest,
  RouteLookupRequest_Reason,
  RouteLookupResponse,
} from '@inmesh/api/gen/grpc/lookup/v1/rls_pb';
import { grpcCode, grpcServer } from '@inmesh/transports/rpc';
import { meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, virtualHost } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';
import { startHttp } from '../support/servers.ts';

const REQUEST = 'grpc.lookup.v1.RouteLookupRequest';
const MISS: RouteLookupRequest_Reason = 1;

interface Answer {
  readonly targets?: string[];
  readonly headerData?: string;
  /** A failure instead. */
  readonly fails?: string;
  /** Nothing instead. */
  readonly silent?: boolean;
}

/** A lookup service that answers by the user; what it was asked is kept. */
async function startLookups(answers: Readonly<Record<string, Answer>>) {
  const asked: RouteLookupRequest[] = [];
  const server = grpcServer({
    services: {
      '/grpc.lookup.v1.RouteLookupService/RouteLookup': (stream) => {
        const told: Answer[] = [];
        return {
          onMessage: (bytes) => {
            const request = fromBinary(messageType<RouteLookupRequest>(REQUEST), bytes);
            asked.push(request);
            told.push(answers[request.keyMap.user ?? ''] ?? { fails: 'nobody knows that user' });
          },
          // As a server of calls with one request: it answers once that is complete.
          onHalfClose: () => {
            const { targets = [], headerData = '', fails, silent } = told[0] ?? { fails: 'there was no request' };
            if (silent) return;
            const type = messageType<RouteLookupResponse>('grpc.lookup.v1.RouteLookupResponse');
            if (fails === undefined) stream.send(toBinary(type, create(type, { targets, headerData })));
            stream.end({ code: fails === undefined ? grpcCode.ok : grpcCode.notFound, message: fails ?? '' });
          },
        };
      },
    },
  });
  const target = await server.listen({ port: 0 });
  return { asked, target, [Symbol.asyncDispose]: () => server.destroy() };
}

function resources(lookupService: string, ports: { readonly east: number; readonly west: number }, more = {}) {
  const plugin = {
    name: 'lookup',
    typed_config: {
      '@type': 'type.googleapis.com/grpc.lookup.v1.RouteLookupClusterSpecifier',
      route_lookup_config: {
        grpc_keybuilders: [{ names: [{ service: 'shop.Cart' }], headers: [{ key: 'user', names: ['x-user'] }] }],
        lookup_service: lookupService,
        cache_size_bytes: '10000',
        ...more,
      },
    },
  };
  const route = { match: { prefix: '/' }, route: { inline_cluster_specifier_plugin: { extension: plugin } } };
  return [
    apiListener('shop:9080', [virtualHost('shop', [route])]),
    cluster('east'),
    weighted('east', ports.east),
    cluster('west'),
    weighted('west', ports.west),
  ];
}

/** gRPC leaves a locality without a weight out. */
function weighted(name: string, port: number) {
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const locality = { locality: { zone: 'a' }, load_balancing_weight: 1, lb_endpoints: [{ endpoint: { address } }] };
  return { ...endpoints(name, []), endpoints: [locality] };
}

function startUpstream(name: string) {
  return startHttp((request, response) => {
    response.setHeader('x-served-by', name);
    response.end(String(request.headers['x-google-rls-data'] ?? 'none'));
  });
}

const CART = 'http://shop:9080/shop.Cart/Add';
const as = (user: string) => ({ headers: { 'x-user': user } });

describe('a lookup service', () => {
  guardProcess();

  it('chooses the clusters of calls, once for all with the same keys', async () => {
    await using east = await startUpstream('east');
    await using west = await startUpstream('west');
    await using lookups = await startLookups({
      ann: { targets: ['east'], headerData: 'd1' },
      bob: { targets: ['west', 'east'] },
    });
    const ports = { east: east.port, west: west.port };
    await using scene = await Scene.start(resources(lookups.target, ports));
    const mesh = await scene.mesh({ profile: 'grpc' });
    const served = async (user: string) => {
      const response = await mesh.fetch(CART, as(user));
      return [response.status, response.headers.get('x-served-by'), await response.text()];
    };
    const [first, ...others] = await Promise.all([served('ann'), served('ann'), served('ann')]);
    assert.deepEqual([first, ...others], [first, first, first]);
    assert.deepEqual(first, [200, 'east', 'd1']);
    assert.deepEqual(await served('ann'), first);
    assert.equal(lookups.asked.length, 1);
    const [request] = lookups.asked;
    assert.deepEqual([request?.targetType, request?.reason, request?.keyMap], ['grpc', MISS, { user: 'ann' }]);
    assert.deepEqual(await served('bob'), [200, 'west', 'none']);
    assert.equal(lookups.asked.length, 2);
    const explained = await mesh.explain(CART, as('bob'));
    assert.deepEqual(
      explained.clusters.map(({ name, error }) => [name, error]),
      [['west', null]],
    );
  });

  it('is asked for an explanation too, which says so where there is no answer yet', async () => {
    await using east = await startUpstream('east');
    await using lookups = await startLookups({ ann: { targets: ['east'] }, eve: { silent: true } });
    await using scene = await Scene.start(resources(lookups.target, { east: east.port, west: east.port }));
    const mesh = await scene.mesh({ profile: 'grpc' });
    const known = await mesh.explain(CART, as('ann'));
    assert.deepEqual([known.clusters[0]?.name, known.clusters[0]?.error], ['east', null]);
    const unknown = await mesh.explain(CART, { ...as('eve'), within: 50 });
    assert.deepEqual([unknown.clusters[0]?.name, unknown.clusters[0]?.error], ['', 'not known yet']);
    assert.match(unknown.why.join(), /the cluster that lookup by 127\.0\.0\.1:\d+ names, which is being asked/);
  });

  it('that fails fails the call, saying why, or leaves it to the default target', async () => {
    await using east = await startUpstream('east');
    await using lookups = await startLookups({});
    const ports = { east: east.port, west: east.port };
    await using scene = await Scene.start(resources(lookups.target, ports));
    const mesh = await scene.mesh({ profile: 'grpc', failAs: 'response' });
    const refused = await mesh.fetch(CART, as('eve'));
    assert.equal(refused.status, 503);
    assert.match(meshErrorOf(refused)?.message ?? '', /lookup service 127\.0\.0\.1:\d+: nobody knows that user/);
    await using other = await Scene.start(resources(lookups.target, ports, { default_target: 'east' }));
    const served = await (await other.mesh({ profile: 'grpc' })).fetch(CART, as('eve'));
    assert.deepEqual([served.status, await served.text()], [200, 'none']);
  });

  it('that cannot be reached fails the call too', async () => {
    await using east = await startUpstream('east');
    const gone = await startLookups({});
    await gone[Symbol.asyncDispose]();
    await using scene = await Scene.start(resources(gone.target, { east: east.port, west: east.port }));
    const mesh = await scene.mesh({ profile: 'grpc', failAs: 'response' });
    const refused = await mesh.fetch(CART, as('ann'));
    assert.match(meshErrorOf(refused)?.message ?? '', /lookup service .*\(status 14\)/);
  });
});
