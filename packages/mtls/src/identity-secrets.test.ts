import assert from 'node:assert/strict';
import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { SPIFFECertValidatorConfig as SpiffeValidatorConfig } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb';
import { MeshError, type Secret, SecretBytes, type Unwatch, type Watcher } from '@inmesh/core';
import type { Identity } from './identity.ts';
import { identitySecrets } from './identity-secrets.ts';

describe('identitySecrets', () => {
  let source: Watcher<Identity> | null;
  let heard: (Secret | string)[];
  const certificate = { chain: 'chain', key: new SecretBytes(Buffer.from('key')), notAfter: 0 };
  const trust = { roots: 'roots', byTrustDomain: null, crl: '' };

  const watch = (name: string): Unwatch =>
    identitySecrets({
      watch: (watcher) => {
        source = watcher;
        return () => {
          source = null;
        };
      },
    })(name, {
      changed: (secret) => heard.push(secret),
      resourceError: ({ message }) => heard.push(`missing: ${message}`),
      ambientError: ({ message }) => heard.push(`trouble: ${message}`),
      recovered: () => heard.push('recovered'),
      revoked: ({ message }) => heard.push(`revoked: ${message}`),
    });

  beforeEach(() => {
    heard = [];
    source = null;
  });

  it('gives the certificate as "default", and again when it is renewed', () => {
    const unwatch = watch('default');
    source?.changed({ certificate, trust });
    source?.changed({ certificate, trust: { ...trust } });
    source?.changed({ certificate: { ...certificate, chain: 'next' }, trust });
    const chains = heard.map((secret) => {
      assert.ok(typeof secret !== 'string' && secret.kind === 'tls_certificate');
      const { certificateChain, privateKey } = secret.certificate;
      assert.ok(certificateChain?.kind === 'inline' && privateKey?.kind === 'inline');
      assert.equal(privateKey.bytes, certificate.key);
      return Buffer.from(certificateChain.bytes).toString();
    });
    assert.deepEqual(chains, ['chain', 'next']);
    unwatch();
    assert.equal(source, null);
  });

  it('gives the roots as "ROOTCA", and those of each trust domain as rules of SPIFFE', () => {
    watch('ROOTCA');
    source?.changed({ certificate, trust: { ...trust, crl: 'crl' } });
    const byTrustDomain = new Map([
      ['td.example', 'a'],
      ['other.example', 'b'],
    ]);
    source?.changed({ certificate, trust: { roots: '', byTrustDomain, crl: '' } });
    const [plain, split] = heard.map((secret) => {
      assert.ok(typeof secret !== 'string' && secret.kind === 'validation_context');
      return secret.validation;
    });
    assert.deepEqual(plain?.trustedCa, { kind: 'inline', bytes: Buffer.from('roots') });
    assert.deepEqual(plain?.crl, { kind: 'inline', bytes: Buffer.from('crl') });
    assert.equal(plain?.customValidator, null);
    assert.equal(split?.trustedCa, null);
    const { typeName, message } = split?.customValidator ?? {};
    const { trustDomains } = fromBinary(
      messageType<SpiffeValidatorConfig>(typeName as SpiffeValidatorConfig['$typeName']),
      message ?? new Uint8Array(),
    );
    assert.deepEqual(
      trustDomains.map(({ name, trustBundle }) => [name, Buffer.from(trustBundle?.specifier.value ?? '').toString()]),
      [...byTrustDomain],
    );
  });

  it('says what is missing, and what is wrong', () => {
    watch('default');
    source?.changed({ certificate: null, trust });
    source?.changed({ certificate, trust });
    source?.ambientError(new MeshError('connection_failure', 'away'));
    source?.recovered?.();
    source?.resourceError(new MeshError('connection_failure', 'gone'));
    assert.equal(heard.length, 5);
    assert.match(String(heard[0]), /revoked: .*the identity of this mesh has none \(resource secret "default"\)/);
    assert.deepEqual(heard.slice(2), [
      'trouble: [connection_failure] away',
      'recovered',
      'revoked: [connection_failure] gone',
    ]);
    watch('file-cert:/a~/b');
    assert.match(String(heard[5]), /answers "default" and "ROOTCA" only/);
  });
});
