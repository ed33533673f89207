import assert from 'node:assert/strict';
import { createSecureContext, type TLSSocket, type TlsOptions } from 'node:tls';
import { CertificateAuthority, type KeyType } from '../ca/index.ts';
import { tlsIdentity } from '../testing/handshake.ts';
import { NO_PARAMETERS, partsOf, verdictOn } from '../testing/material.ts';
import { makeMaterial } from './build-material.ts';
import type { TlsParameters } from './read-parts.ts';
import { secureOptions } from './tls-parameters.ts';

const options = (more: Partial<TlsParameters>) => secureOptions({ ...NO_PARAMETERS, ...more }, 'secret default');

/** What a handshake with a server of these options agrees upon. */
async function agreed(
  parameters: Partial<TlsParameters>,
  server: TlsOptions = {},
  keyType: KeyType = 'ecdsa-p256',
): Promise<{ version: string | null; cipher: string; curve: string }> {
  const root = await CertificateAuthority.create({ keyType });
  const { material } = makeMaterial(partsOf({ parameters: { ...NO_PARAMETERS, ...parameters } }));
  let socket: TLSSocket | null = null;
  let seen = { version: null as string | null, cipher: '', curve: '' };
  await verdictOn({ ...tlsIdentity(await root.issue({ keyType })), ...server }, material, null, (each) => {
    socket = each;
    const key = each.getEphemeralKeyInfo() as { readonly name?: string };
    seen = { version: each.getProtocol(), cipher: each.getCipher().standardName, curve: key.name ?? '' };
  });
  assert.notEqual(socket, null);
  return seen;
}

describe('parameters of TLS', () => {
  it('are those of clients of Envoy by default', async () => {
    assert.deepEqual(await agreed({}), {
      version: 'TLSv1.2',
      cipher: 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
      curve: 'X25519',
    });
  });

  it('speak TLS 1.3 where they may', async () => {
    assert.equal((await agreed({ maxVersion: 'TLSv1.3' })).version, 'TLSv1.3');
    assert.equal(
      (await agreed({ minVersion: 'TLSv1.3', cipherSuites: ['ECDHE-RSA-AES128-GCM-SHA256'] })).version,
      'TLSv1.3',
    );
  });

  it('refuse a server that speaks none of their versions', async () => {
    await assert.rejects(
      agreed({ minVersion: 'TLSv1.3' }, { maxVersion: 'TLSv1.2' }),
      /alert protocol version|unsupported protocol/,
    );
  });

  it('choose ciphers by the words of BoringSSL: groups, and names of RFCs', async () => {
    const grouped = await agreed({ cipherSuites: ['[ECDHE-ECDSA-AES256-GCM-SHA384|ECDHE-RSA-AES256-GCM-SHA384]'] });
    assert.equal(grouped.cipher, 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384');
    for (const name of [
      'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
      'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256',
      'TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA',
    ]) {
      assert.equal((await agreed({ cipherSuites: [name] })).cipher, name);
    }
    const rsa = 'TLS_RSA_WITH_AES_128_GCM_SHA256';
    assert.equal((await agreed({ cipherSuites: [rsa] }, {}, 'rsa-2048')).cipher, rsa);
  });

  it('choose curves', async () => {
    assert.equal((await agreed({ ecdhCurves: ['P-384'] }, {}, 'rsa-2048')).curve, 'secp384r1');
  });

  it('leave out hybrid groups where the runtime has none, if there are others', () => {
    const had = options({ ecdhCurves: ['X25519MLKEM768', 'X25519'] }).ecdhCurve;
    const [major = 0, minor = 0] = process.versions.openssl.split('.').map(Number);
    const young = major > 3 || (major === 3 && minor >= 5);
    assert.equal(had, young ? 'X25519MLKEM768:X25519' : 'X25519');
    assert.doesNotThrow(() => createSecureContext({ ecdhCurve: had! }));
  });

  const refusals: [string, Partial<TlsParameters>, RegExp][] = [
    [
      'an unknown cipher',
      { cipherSuites: ['ECDHE-ECDSA-AES128-GCM-SHA256', 'NONSENSE-SHA'] },
      /cipher_suites: this runtime has no NONSENSE-SHA/,
    ],
    ['an unknown curve', { ecdhCurves: ['X25519', 'nonsense'] }, /ecdh_curves: this runtime has no nonsense/],
    [
      'an unknown signature algorithm',
      { signatureAlgorithms: ['nonsense'] },
      /signature_algorithms nonsense: this runtime does not take it/,
    ],
    [
      'versions the wrong way round',
      { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' },
      /tls_minimum_protocol_version TLSv1.3 is above the maximum TLSv1.2/,
    ],
  ];
  for (const [what, parameters, text] of refusals) {
    it(`refuse ${what}`, () => assert.throws(() => options(parameters), text));
  }

  it('keep to the signature algorithms that are asked for', async () => {
    await assert.rejects(agreed({ signatureAlgorithms: ['rsa_pss_rsae_sha256'] }), /handshake failure|no shared|alert/);
    assert.equal((await agreed({ signatureAlgorithms: ['ecdsa_secp256r1_sha256'] })).version, 'TLSv1.2');
  });
});
