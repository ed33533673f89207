import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import { text } from 'node:stream/consumers';
import { createServer as createTlsServer } from 'node:tls';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { cluster, service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { Scene } from '../support/scene.ts';
import { tcpListener } from '../support/tcp-listener.ts';

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/** A headless service: its hosts are told by DNS, and the mesh has an identity for them all the same. */
describe('calls and streams to their original destination', () => {
  guardProcess();

  async function trusted() {
    const authority = await CertificateAuthority.create();
    const { key, chain } = await authority.issue({ uris: ['spiffe://mesh/db'] });
    const server = { key: Buffer.from(key.reveal()), cert: chain };
    const validation = {
      trusted_ca: { inline_string: authority.root },
      match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: 'spiffe://mesh/db' } }],
    };
    const tls = { '@type': TLS, common_tls_context: { validation_context: validation } };
    const original = cluster('original', {
      type: 'ORIGINAL_DST',
      lb_policy: 'CLUSTER_PROVIDED',
      transport_socket: { name: 'tls', typed_config: tls },
    });
    const { eds_cluster_config: _, ...config } = original as Record<string, unknown>;
    return { server, original: config as typeof original };
  }

  it('go to the host that they name, over TLS where the cluster wants it', async () => {
    await using scene = await Scene.start();
    const { server, original } = await trusted();
    const https = scene.use(createServer(server, (_, response) => response.end('secure')).listen(0, '127.0.0.1'));
    const lines = scene.use(createTlsServer(server, (socket) => socket.end('bytes')).listen(0, '127.0.0.1'));
    await Promise.all([https, lines].map((each) => each.listening || once(each, 'listening')));
    const port = (each: typeof lines) => {
      const address = each.address();
      assert.ok(address !== null && typeof address === 'object');
      return address.port;
    };
    const http = `localhost:${port(https as unknown as typeof lines)}`;
    const [listener] = service(http, [], { route: { cluster: 'original' } });
    assert.ok(listener);
    scene.plane.update([listener, tcpListener(`localhost:${port(lines)}`, { cluster: 'original' }), original]);
    const mesh = await scene.mesh({ domains: ['localhost'] });

    const explained = await mesh.explain(`http://${http}/`);
    assert.equal(explained.verdict, 'mesh');
    assert.equal(await (await mesh.fetch(`http://${http}/`)).text(), 'secure');
    assert.equal(await text(mesh.socket('localhost', port(lines))), 'bytes');
    const { ssl, upstream_cx_total } = mesh.statistics().clusters.original ?? {};
    assert.equal(ssl?.handshake, 2);
    assert.equal(upstream_cx_total, 2);
    https.closeAllConnections();
  });
});
