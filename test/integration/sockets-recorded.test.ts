import assert from 'node:assert/strict';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { type ControlPlane, startControlPlane } from '@inmesh/control-plane';
import { createMesh, type Mesh } from 'inmesh';
import { guardProcess } from '../support/guard-process.ts';
import { startEcho } from '../support/line-echo.ts';
import { callable, recorded } from '../support/recorded.ts';

/** What real control planes once sent, with all endpoints on a server of bytes and no TLS: streams find the TCP proxies of it as a sidecar would. */
const feeds = [
  {
    fixture: 'real-istiod-sidecar',
    node: { id: 'sidecar~127.0.0.1~web.default~default.svc.cluster.local', metadata: { NAMESPACE: 'default' } },
    prefix: 'outbound|443||kubernetes.default.svc.cluster.local',
    targets: [
      ['kubernetes', 443],
      ['kubernetes.default', 443],
      ['kubernetes.default.svc.cluster.local', 443],
      ['10.96.0.1', 443],
    ],
    // A port of HTTP, where bytes are something else, and a host that nobody knows: both pass by, as istiod's default policy has it.
    passing: [
      ['greeter', 8080],
      ['nobody', 4000],
    ],
  },
  {
    fixture: 'consul-web',
    node: { id: 'web-sidecar-proxy' },
    prefix: 'upstream.db.default.default.dc1',
    targets: [
      ['db', 19191],
      ['db.service.consul', 1],
      ['db.virtual.consul', 1],
      ['localhost', 19191],
    ],
    passing: [['other.service.consul', 1]],
  },
] as const;

for (const { fixture, node, prefix, targets, passing } of feeds) {
  describe(`sockets over what was recorded: ${fixture}`, () => {
    guardProcess();
    let echo: Awaited<ReturnType<typeof startEcho>>;
    let plane: ControlPlane;
    let mesh: Mesh;

    before(async () => {
      echo = await startEcho('found');
      plane = await startControlPlane({ resources: callable(recorded(fixture), echo.port) });
      const all = { ads: {}, resource_api_version: 'V3' };
      const services = [{ google_grpc: { target_uri: plane.address, stat_prefix: 'ads' } }];
      const ads = { api_type: 'DELTA_GRPC', grpc_services: services };
      mesh = await createMesh({
        bootstrapConfig: JSON.stringify({
          node,
          dynamic_resources: { lds_config: all, cds_config: all, ads_config: ads },
        }),
        env: {},
      });
      await mesh.ready();
    });
    after(async () => {
      mesh.close();
      await plane.close();
      echo.close();
    });

    for (const [host, port] of targets) {
      it(`${host}:${port} is carried by ${prefix}`, async () => {
        const before = mesh.statistics().tcp[prefix]?.downstream_cx_total ?? 0;
        const socket = mesh.socket(host, port);
        socket.end('hello');
        assert.equal(await text(socket), 'found:hello');
        assert.equal(mesh.statistics().tcp[prefix]?.downstream_cx_total, before + 1);
      });
    }

    for (const [host, port] of passing) {
      it(`${host}:${port} passes by`, async () => {
        const before = mesh.statistics().mesh.passed_through;
        const [error] = (await once(mesh.socket(host, port), 'error')) as [NodeJS.ErrnoException];
        assert.match(String(error.code), /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED)$/, 'it is looked up as ever');
        assert.equal(mesh.statistics().mesh.passed_through, before + 1);
      });
    }
  });
}
