import assert from 'node:assert/strict';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh, meshErrorOf } from 'inmesh';
import { apiListener, cluster, host, TYPE_URL, to } from './support/feed.ts';
import { binaryOf, describeWithPeers } from './support/peers.ts';
import { freePorts } from './support/ports.ts';
import { PeerProcess } from './support/processes.ts';
import { protocolOptions } from './support/tls/contexts.ts';
import { type IdentityFiles, TestTrust } from './support/tls/trust.ts';
import { until } from './support/until.ts';

const FILTERS = 'type.googleapis.com/envoy.extensions.filters';
const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3';
const SERVER_LISTENER = 'server/';
/** gRFC A29: certificates are the bootstrap's, by the name of a provider. */
const PROVIDER = { instance_name: 'ids' };

/**
 * gRPC's own mesh: servers of grpc-go that are told by xDS to ask callers for a certificate, with their own from a `file_watcher` of
 * their bootstrap; inmesh is told by the same feed whom it may trust, has its own certificate in the same way, and calls over HTTP/2.
 */
describeWithPeers(['grpc-go-watcher'], 'inmesh calls xDS servers of grpc-go over mutual TLS', () => {
  let trust: TestTrust;
  let strangers: TestTrust;
  let plane: ControlPlane;
  let caller: IdentityFiles;
  const ports = new Map<string, number>();
  const servers: PeerProcess[] = [];
  const meshes: Mesh[] = [];

  before(async () => {
    trust = await TestTrust.create();
    strangers = await TestTrust.create();
    caller = await trust.identity('caller');
    const identities = new Map<string, IdentityFiles>([
      ['good', await trust.identity('server')],
      ['other-name', await trust.identity('other')],
      ['other-authority', await vouchedForElsewhere('server')],
      ['in-the-clear', await trust.identity('server')],
    ]);
    const free = await freePorts(identities.size);
    for (const [index, name] of [...identities.keys()].entries()) ports.set(name, free[index] ?? 0);
    plane = await startControlPlane({ resources: feed() });
    for (const [name, identity] of identities) servers.push(await serve(name, identity));
  });
  after(async () => {
    for (const mesh of meshes) mesh.close();
    for (const server of servers) await server.stop();
    await plane?.close();
    trust?.[Symbol.dispose]();
    strangers?.[Symbol.dispose]();
  });

  it('is let in by the name of its certificate, and answered with trailers', async () => {
    const mesh = await meshOf(caller);
    for (let i = 0; i < 3; i++) {
      const { status, body, peer, grpcStatus } = await check(mesh, 'good');
      assert.deepEqual([status, peer, grpcStatus], [200, caller.spiffeId, '0']);
      // One message: a head of five bytes, and `status: SERVING`.
      assert.equal(body.toString('hex'), '00000000020801');
    }
    assert.equal(mesh.statistics().clusters.good?.upstream_cx_total, 1);
  });

  for (const [name, says] of [
    ['other-name', /sa\/other, where .*sa\/server is expected/],
    ['other-authority', /unable to (get local issuer|verify)/],
    ['in-the-clear', /the TLS handshake failed/],
  ] as const) {
    it(`${name}: a server that the feed does not allow gets no call`, async () => {
      const { error, grpcStatus } = await check(await meshOf(caller), name);
      assert.equal(error?.flag, 'UF');
      assert.match(error?.message ?? '', says);
      assert.equal(grpcStatus, '14');
    });
  }

  it('a caller that another authority vouches for is not let in', async () => {
    const stranger = await vouchedForElsewhere('caller');
    const { peer, grpcStatus, error } = await check(await meshOf(stranger), 'good');
    assert.deepEqual([peer, grpcStatus], [undefined, '14']);
    assert.match(String(error?.flag), /^U[CF]$/);
  });

  /** It trusts this mesh, which does not trust it. */
  async function vouchedForElsewhere(account: string): Promise<IdentityFiles> {
    return trust.write(account, { ...(await strangers.identity(account)), root: trust.authority.root });
  }

  async function check(mesh: Mesh, service: string) {
    const response = await mesh.dispatcher.request({
      origin: `http://${service}`,
      path: '/grpc.health.v1.Health/Check',
      method: 'POST',
      headers: { 'content-type': 'application/grpc', te: 'trailers' },
      body: Buffer.alloc(5),
    });
    const body = Buffer.from(await response.body.arrayBuffer());
    const { headers, trailers, statusCode: status } = response;
    const grpcStatus = (trailers as Record<string, string>)['grpc-status'] ?? headers['grpc-status'];
    return { status, body, peer: headers['x-peer'], grpcStatus, error: meshErrorOf(response) };
  }

  async function meshOf(identity: IdentityFiles): Promise<Mesh> {
    const mesh = await createMesh({ bootstrapConfig: bootstrap('caller', identity), env: {}, profile: 'grpc' });
    meshes.push(mesh);
    return mesh;
  }

  async function serve(name: string, identity: IdentityFiles): Promise<PeerProcess> {
    const env = { GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap(name, identity) };
    const address = `127.0.0.1:${ports.get(name)}`;
    const process = new PeerProcess(`grpc-go ${name}`, binaryOf('grpc-go-watcher'), ['serve', address], env);
    const lines: string[] = [];
    process.onLine((line) => lines.push(line));
    await until(`grpc-go ${name} serves`, () => lines.includes('SERVING'));
    return process;
  }

  function bootstrap(id: string, { chainFile, keyFile, rootFile }: IdentityFiles): string {
    return JSON.stringify({
      xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
      node: { id },
      server_listener_resource_name_template: `${SERVER_LISTENER}%s`,
      certificate_providers: {
        ids: {
          plugin_name: 'file_watcher',
          config: {
            certificate_file: chainFile,
            private_key_file: keyFile,
            ca_certificate_file: rootFile,
            refresh_interval: '600s',
          },
        },
      },
    });
  }

  function feed(): ResourceInput[] {
    return [...ports].flatMap(([name, port]) => [
      apiListener(name, [host(name, ['*'], [to(name)])]),
      ...cluster(name, [port], { transport_socket: upstreamTls(), ...protocolOptions('http2') }),
      serverListener(port, name !== 'in-the-clear'),
    ]);
  }

  function upstreamTls(): object {
    const names = { match_subject_alt_names: [{ exact: trust.idOf('server') }] };
    return socket('UpstreamTlsContext', {
      common_tls_context: {
        tls_certificate_provider_instance: PROVIDER,
        validation_context: { ca_certificate_provider_instance: PROVIDER, ...names },
      },
    });
  }
});

function serverListener(port: number, tls: boolean): ResourceInput {
  const manager = {
    '@type': `${FILTERS}.network.http_connection_manager.v3.HttpConnectionManager`,
    stat_prefix: 'server',
    route_config: {
      name: 'server',
      virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, non_forwarding_action: {} }] }],
    },
    http_filters: [{ name: 'router', typed_config: { '@type': `${FILTERS}.http.router.v3.Router` } }],
  };
  const common = {
    tls_certificate_provider_instance: PROVIDER,
    validation_context: { ca_certificate_provider_instance: PROVIDER },
  };
  const secure = socket('DownstreamTlsContext', { require_client_certificate: true, common_tls_context: common });
  return {
    '@type': TYPE_URL.listener,
    name: `${SERVER_LISTENER}127.0.0.1:${port}`,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      { name: 'all', filters: [{ name: 'hcm', typed_config: manager }], ...(tls && { transport_socket: secure }) },
    ],
  } as unknown as ResourceInput;
}

function socket(type: string, context: object): object {
  return { name: 'envoy.transport_sockets.tls', typed_config: { '@type': `${TLS}.${type}`, ...context } };
}
