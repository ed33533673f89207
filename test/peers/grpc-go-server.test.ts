import assert from 'node:assert/strict';
import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { createMesh, type Mesh } from 'inmesh';
import { apiListener, cluster, host, to } from './support/feed.ts';
import { GrpcGoServer } from './support/grpc-go-server.ts';
import { checkHealth, firstOfWatch, type GrpcOutcome, healthOf, SERVING } from './support/grpc-health.ts';
import { describeWithPeers } from './support/peers.ts';
import { protocolOptions } from './support/tls/contexts.ts';
import { type IdentityFiles, replaceFile, TestTrust } from './support/tls/trust.ts';
import { until } from './support/until.ts';

const HOUR_MS = 3_600_000;

/** A service of the feed: which server, and who the caller is to it. */
interface Service {
  readonly server: GrpcGoServer;
  /** An instance of the bootstrap's certificate providers; null: no certificate; `clear`: no TLS at all. */
  readonly as: string | null;
  readonly clear?: boolean;
  readonly more?: Record<string, unknown>;
}

/**
 * The mesh of gRPC, without any proxy (gRFC A29): servers of grpc-go get their listeners from the control plane that feeds inmesh, and both have
 * their certificates from files that their bootstraps name. The servers want callers with a certificate, and of those only some
 * accounts. Calls are gRPC's bytes over HTTP/2.
 */
describeWithPeers(['grpc-go-watcher'], 'inmesh calls xDS servers of grpc-go over mutual TLS', () => {
  let trust: TestTrust;
  let plane: ControlPlane;
  let mesh: Mesh;
  let server: GrpcGoServer;
  let caller: IdentityFiles;
  let successor: IdentityFiles;
  let moving: IdentityFiles;
  let movingServer: IdentityFiles;
  /** A server whose listener says nothing of TLS. */
  let plain: GrpcGoServer;
  const servers: GrpcGoServer[] = [];
  const services = new Map<string, Service>();
  const warnings: Error[] = [];

  before(async () => {
    trust = await TestTrust.create();
    const elsewhere = await CertificateAuthority.create({ commonName: `CA of ${trust.domain}` });
    const now = Date.now();
    [caller, successor] = [await trust.identity('caller'), await trust.identity('successor')];
    moving = trust.write('moving', caller);
    const callers: Record<string, IdentityFiles> = {
      caller,
      moving,
      guest: await trust.identity('guest'),
      stranger: await trust.identity('caller', {}, elsewhere),
      expired: await trust.identity('caller', { notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS }),
      'for-servers-only': await trust.identity('caller', { usages: ['server'] }),
    };
    movingServer = await trust.identity('server');
    plane = await startControlPlane({ resources: [] });
    const start = async (identity: IdentityFiles) => {
      const started = await GrpcGoServer.start(plane.address, identity);
      servers.push(started);
      return started;
    };
    server = await start(await trust.identity('server'));
    const other = await start(await trust.identity('other'));
    const foreign = await start(await trust.identity('server', {}, elsewhere));
    const follows = await start(movingServer);
    plain = await start(await trust.identity('server'));
    const fresh = protocolOptions('http2', { common_http_protocol_options: { max_requests_per_connection: 1 } });
    for (const as of Object.keys(callers)) services.set(as, { server, as });
    services.set('moving', { server, as: 'moving', more: fresh });
    services.set('nobody', { server, as: null });
    services.set('in-the-clear', { server, as: null, clear: true });
    services.set('other-name', { server: other, as: 'caller' });
    services.set('other-authority', { server: foreign, as: 'caller' });
    services.set('plain-server', { server: plain, as: 'caller' });
    services.set('moving-server', { server: follows, as: 'caller', more: fresh });
    plane.update(feed());
    for (const each of servers) await each.serves();
    const providers = Object.entries(callers).map(([name, { chainFile, keyFile, rootFile }]) => {
      const config = { certificate_file: chainFile, private_key_file: keyFile, ca_certificate_file: rootFile };
      return [name, { plugin_name: 'file_watcher', config: { ...config, refresh_interval: '1s' } }];
    });
    mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'inmesh' },
        certificate_providers: Object.fromEntries(providers),
      }),
      env: {},
      profile: 'grpc',
      onWarning: (warning) => warnings.push(warning),
    });
  });
  after(async () => {
    mesh?.close();
    for (const each of servers) await each.stop();
    await plane?.close();
    trust?.[Symbol.dispose]();
  });
  afterEach('nothing is refused', () => {
    assert.deepEqual(warnings.splice(0), []);
    assert.deepEqual(mesh.feed()?.resources.filter(({ state }) => state === 'NACKED') ?? [], []);
  });

  it('is let in by name: message, headers, and grpc-status in the trailers', async () => {
    const { status, headers, messages, trailers } = await checkHealth(mesh, 'caller');
    assert.deepEqual([status, messages], [200, [SERVING]]);
    assert.equal(headers['content-type'], 'application/grpc');
    assert.deepEqual([headers['x-peer'], headers['grpc-status']], [caller.spiffeId, undefined]);
    assert.deepEqual([trailers['grpc-status'], trailers['x-peer-trailer']], ['0', caller.spiffeId]);
    await until('the server says so, too', () => server.calls.length > 0);
    assert.deepEqual(server.calls, [{ method: '/grpc.health.v1.Health/Check', caller: caller.spiffeId }]);
  });

  it('hears of an error that is nothing but trailers', async () => {
    const { status, headers, messages } = await checkHealth(mesh, 'caller', healthOf('nowhere'));
    assert.deepEqual([status, messages], [200, []]);
    assert.deepEqual([headers['grpc-status'], headers['grpc-message']], ['5', 'unknown service']);
  });

  it('hears each message of a stream when it comes, and leaves; calls side by side share its connection', async () => {
    await checkHealth(mesh, 'caller');
    const before = mesh.statistics().clusters.caller?.upstream_cx_total;
    assert.equal(await firstOfWatch(mesh, 'caller'), SERVING);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => checkHealth(mesh, 'caller')));
    assert.deepEqual(new Set(outcomes.map(({ trailers }) => trailers['grpc-status'])), new Set(['0']));
    assert.equal(mesh.statistics().clusters.caller?.upstream_cx_total, before);
  });

  it('is refused by the server’s policy where it is somebody else of the same authority', async () => {
    await withoutACall(async () => {
      const { status, headers, flag } = await checkHealth(mesh, 'guest');
      assert.deepEqual([status, flag, headers['grpc-status']], [200, null, '7']);
      assert.match(`${headers['grpc-message']}`, /did not match an allow policy/);
    });
  });

  for (const [name, who, says] of [
    ['nobody', 'has no certificate', /certificate required|handshake failure|bad certificate/],
    ['stranger', 'has one of another authority', /bad certificate|unknown ca/],
    ['for-servers-only', 'has one that is for servers alone', /bad certificate|unsupported certificate/],
    ['in-the-clear', 'speaks in the clear', /./],
  ] as const) {
    it(`is refused by the server where it ${who}`, async () => {
      await withoutACall(async () => refused(await checkHealth(mesh, name), says));
    });
  }

  it('does not call with a certificate that has expired: the server would say less', async () => {
    await withoutACall(async () => {
      refused(await checkHealth(mesh, 'expired'), /certificate provider "expired": the certificate in .* expired at/);
    });
  });

  for (const [name, says] of [
    ['other-name', /uri spiffe:..mesh.test.*sa.other, where spiffe:..mesh.test.*sa.server is expected/],
    ['other-authority', /unable to get local issuer certificate/],
    ['plain-server', /the TLS handshake failed/],
  ] as const) {
    it(`tells a server that is an impostor nothing: ${name}`, async () => {
      refused(await checkHealth(mesh, name), says);
      assert.deepEqual(services.get(name)?.server.calls, []);
    });
  }

  it('is its successor on new connections when its files are', async () => {
    assert.equal((await checkHealth(mesh, 'moving')).headers['x-peer'], caller.spiffeId);
    replace(moving, successor);
    await until('the successor calls', async () => {
      const { headers, trailers } = await checkHealth(mesh, 'moving');
      assert.equal(trailers['grpc-status'], '0', 'no call fails on the way');
      return headers['x-peer'] === successor.spiffeId;
    });
  });

  it('speaks no more to a server whose files are another’s, until they are its own', async () => {
    const expected = async (flag: string | null) => (await checkHealth(mesh, 'moving-server')).flag === flag;
    assert.ok(await expected(null));
    const own = trust.write('own', movingServer);
    replace(movingServer, await trust.identity('other'));
    await until('the server shows who it is', () => expected('UF'));
    replace(movingServer, own);
    await until('the server is itself', () => expected(null));
  });

  /** What the server says of calls comes in their order: once it has said so of a later one, there was none before. */
  async function withoutACall(refusedCall: () => Promise<void>): Promise<void> {
    const said = async (count: number) => {
      await checkHealth(mesh, 'caller');
      await until('the server has said so', () => server.calls.length === count);
    };
    const { length } = server.calls;
    await refusedCall();
    await said(length + 1);
  }

  function feed(): ResourceInput[] {
    const allowed = [caller.spiffeId, successor.spiffeId];
    const instance = (name: string) => ({ instance_name: name });
    const clusters = [...services].flatMap(([name, { server, as, clear = false, more = {} }]) => {
      const common = {
        ...(as !== null && { tls_certificate_provider_instance: instance(as) }),
        validation_context: {
          ca_certificate_provider_instance: instance('caller'),
          match_subject_alt_names: [{ exact: trust.idOf('server') }],
        },
      };
      const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
      const transport_socket = {
        name: 'envoy.transport_sockets.tls',
        typed_config: { '@type': type, common_tls_context: common },
      };
      return [
        apiListener(name, [host(name, ['*'], [to(name)])]),
        ...cluster(name, [server.port], { ...(!clear && { transport_socket }), ...protocolOptions('http2'), ...more }),
      ];
    });
    return [...clusters, ...servers.map((each) => each.listener(each === plain ? null : allowed))];
  }
});

/** By the mesh itself: callers of gRPC hear of that as gRPC's status UNAVAILABLE. */
function refused({ status, headers, flag, error }: GrpcOutcome, says: RegExp): void {
  assert.deepEqual([status, headers['grpc-status']], [200, '14']);
  // The server judges after the handshake is over for the caller (TLS 1.3).
  assert.match(`${flag}`, /^(UF|UC)/);
  assert.match(error, says);
}

/** Key and certificate, one after the other as a tool writes them: for a moment they do not fit each other. */
function replace({ chainFile, keyFile }: IdentityFiles, { chain, key }: IdentityFiles): void {
  replaceFile(keyFile, key);
  replaceFile(chainFile, chain);
}
