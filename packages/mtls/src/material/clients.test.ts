import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import type { TlsVersion } from '@inmesh/core';
import { CertificateAuthority } from '../ca/index.ts';
import type { CertifiedKey } from '../identity.ts';
import { tlsIdentity } from '../testing/handshake.ts';
import { exactName, NO_PARAMETERS, partsOf, readCertificateOf, type TestTrust } from '../testing/material.ts';
import { makeMaterial } from './build-material.ts';

const CALLER = 'spiffe://td.example/ns/a/sa/caller';

/** What a server says of a client that presents this certificate, or none. */
async function verdictOnClient(
  server: CertifiedKey,
  client: CertifiedKey | null,
  trust: TestTrust,
  maxVersion: TlsVersion,
): Promise<string> {
  const { material } = makeMaterial(
    partsOf({
      peer: 'client',
      certificates: [readCertificateOf(server)],
      trust,
      parameters: { ...NO_PARAMETERS, maxVersion },
    }),
  );
  // A context as such cannot be given to a server of Node's but by its name.
  const SNICallback: TlsOptions['SNICallback'] = (_, done) => done(null, material.secureContext);
  const listener = createServer({ SNICallback, requestCert: true, rejectUnauthorized: false });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const accepted = once(listener, 'secureConnection') as Promise<[TLSSocket]>;
  const own = client === null ? {} : tlsIdentity(client);
  const socket = connect({ host: '127.0.0.1', port, servername: 'b.example', rejectUnauthorized: false, ...own });
  const failed = new Promise<never>((_, reject) => {
    socket.on('error', reject);
    listener.on('tlsClientError', reject);
  });
  failed.catch(() => undefined);
  try {
    const [secured] = await Promise.race([accepted, failed]);
    const refusal = material.verify(secured, null);
    secured.destroy();
    return refusal === null ? 'accepted' : `${refusal.failure}: ${refusal.message}`;
  } finally {
    socket.destroy();
    listener.close();
  }
}

describe('clients', () => {
  let root: CertificateAuthority;
  let server: CertifiedKey;

  before(async () => {
    root = await CertificateAuthority.create();
    server = await root.issue({ dnsNames: ['b.example'] });
  });

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    for (const [title, way] of [
      ['roots for all', (roots: string): TestTrust => ({ roots })],
      ['roots by trust domain', (roots: string): TestTrust => ({ domains: { 'td.example': roots } })],
    ] as const) {
      it(`are judged as servers are, with ${title} over ${version}`, async () => {
        const verdict = (client: CertifiedKey | null): Promise<string> =>
          verdictOnClient(server, client, { ...way(root.root), subjectAltNames: [exactName(CALLER)] }, version);
        const stranger = await CertificateAuthority.create();
        const below = await root.intermediate();
        assert.equal(await verdict(await root.issue({ uris: [CALLER] })), 'accepted');
        const lower = await verdict(await below.issue({ uris: [CALLER], usages: ['client'] }));
        // Node does not show a server the chain of a client that OpenSSL is content with.
        if (title === 'roots for all') assert.equal(lower, 'accepted');
        else assert.match(lower, /^fail_verify_error: unable to get local issuer certificate/);
        assert.match(
          await verdict(await root.issue({ uris: [`${CALLER}2`] })),
          /^fail_verify_san: the client presents/,
        );
        assert.match(await verdict(await stranger.issue({ uris: [CALLER] })), /^fail_verify_error: unable to/);
        assert.match(
          await verdict(await root.issue({ uris: [CALLER], usages: ['server'] })),
          /unsupported certificate purpose/,
        );
        assert.equal(await verdict(null), 'fail_verify_no_cert: the client has presented no certificate');
      });
    }
  }
});
