import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { portOf } from './support/ports.ts';
import { SharedFeed } from './support/shared-feed.ts';

type Json = Record<string, unknown>;

const BIN = join(import.meta.dirname, '../../packages/inmesh/bin/inmesh.js');

/**
 * What `npx inmesh ca` prints for a workload is put into a feed as it is: certificates by files, and by the files of SDS that it
 * wrote. A real Envoy and inmesh take it, and call a server of the same trust domain that asks for certificates.
 */
describeWithPeers(['envoy'], 'a trust domain of `inmesh ca`', () => {
  let folder: string;
  let server: Server;
  let feed: SharedFeed;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'inmesh-td-'));
    const { stdout } = await promisify(execFile)(process.execPath, [BIN, 'ca', join(folder, 'td'), 'default/web']);
    const file = (name: string) => readFileSync(join(folder, 'td', 'default.web', name));
    server = createServer(
      { key: file('tls.key'), cert: file('tls.crt'), ca: file('ca.crt'), requestCert: true, rejectUnauthorized: true },
      (request, response) => response.end((request.socket as TLSSocket).getPeerCertificate().subjectaltname),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = printed(stdout);
    const names = Object.keys(sockets);
    feed = await SharedFeed.start({
      virtualHosts: names.map((name) => host(name, [`${name}.test`], [to(name)])),
      resources: Object.entries(sockets).flatMap(([name, transport_socket]) =>
        cluster(name, [portOf(server)], { transport_socket }),
      ),
    });
  });

  after(async () => {
    await feed?.stop();
    server?.closeAllConnections();
    server?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const way of ['files', 'sds'] as const) {
    it(`is used as it is printed: ${way}`, async () => {
      for (const side of feed.sides) {
        const { status, body } = await side.call({ authority: `${way}.test` });
        assert.deepEqual([side.name, status, body], [side.name, 200, 'URI:spiffe://cluster.local/ns/default/sa/web']);
      }
    });
  }
});

/** The transport sockets of the text: the block of files, and the same with the block of SDS in it. */
function printed(text: string): { readonly files: Json; readonly sds: Json } {
  const block = (start: string) => {
    const lines = text
      .slice(text.indexOf(start) + start.length)
      .split('\n')
      .slice(1);
    const end = lines.findIndex((line) => line.trim() === '');
    return parse(lines.slice(0, end < 0 ? lines.length : end).join('\n')) as Json;
  };
  const { transport_socket: files } = block('by files:') as { transport_socket: Json & { typed_config: Json } };
  const { common_tls_context } = block('which Envoy follows from files:');
  return { files, sds: { ...files, typed_config: { ...files.typed_config, common_tls_context } } };
}
