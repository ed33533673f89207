import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { SPIFFECertValidatorConfig } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb';
import { type DataSource, type ExtensionConfig, noRegex, systemClock } from '@inmesh/core';
import { CertificateAuthority, derBlocks } from '../ca/index.ts';
import type { BuiltMaterial, MaterialParts, SourceReader } from '../material-parts.ts';
import { verdictOn } from '../testing/material.ts';
import { inline, inlineCertificate, tlsCertificate, upstreamTls, validationContext } from '../testing/tls-models.ts';
import { buildMaterial } from './build-material.ts';

const SPIFFE = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig';

function spiffe(fields: Record<string, unknown>): ExtensionConfig {
  const schema = messageType<SPIFFECertValidatorConfig>(SPIFFE);
  return {
    name: 'envoy.tls.cert_validator.spiffe',
    typeName: SPIFFE,
    message: toBinary(schema, create(schema, fields)),
    struct: null,
  };
}

const sourceOf = (text: string) => ({ specifier: { case: 'inlineString', value: text } });

describe('buildMaterial', () => {
  let root: CertificateAuthority;
  const files = new Map<string, string>();

  before(async () => {
    root = await CertificateAuthority.create();
  });

  const reader: SourceReader = {
    read: (source: DataSource) => {
      if (source.kind === 'inline') return source.bytes;
      const text = files.get(source.kind === 'file' ? source.path : source.variable);
      if (text === undefined) throw new Error('it cannot be read');
      return Buffer.from(text);
    },
    readSecret: (source) => {
      assert.ok(source.kind === 'inline');
      return source.bytes;
    },
  };
  const build = (more: Partial<MaterialParts>): BuiltMaterial =>
    buildMaterial({
      certificates: [],
      validation: null,
      common: upstreamTls({}).common,
      reader,
      regex: noRegex,
      clock: systemClock,
      ...more,
    });
  const withValidator = (customValidator: ExtensionConfig): BuiltMaterial =>
    build({
      validation: { source: 'secret "ROOTCA"', context: validationContext({ customValidator }), byTrustDomain: null },
    });

  it('reads what the parts name, and shows what they are', async () => {
    files.set('/ca.pem', root.root);
    const leaf = await root.issue({ uris: ['spiffe://td.example/a'] });
    const trustedCa: DataSource = { kind: 'file', path: '/ca.pem', watchedDirectory: null };
    const built = build({
      certificates: [{ source: 'secret "default"', name: 'default', certificate: inlineCertificate(leaf) }],
      validation: { source: 'secret "ROOTCA"', context: validationContext({ trustedCa }), byTrustDomain: null },
    });
    assert.equal(await verdictOn(leaf, built.material), null);
    assert.deepEqual(
      built.own.map(({ uris, notAfter }) => [uris, notAfter]),
      [[['spiffe://td.example/a'], leaf.notAfter]],
    );
    assert.equal(built.roots.length, 1);
  });

  it('judges by trust domain: those of a SPIFFE validator, or of a provider', async () => {
    files.set('/td.pem', root.root);
    const server = await root.issue({ uris: ['spiffe://td.example/a'] });
    const foreign = await root.issue({ uris: ['spiffe://other.example/a'] });
    const trustDomains = [
      { name: 'td.example', trustBundle: { specifier: { case: 'filename', value: '/td.pem' } } },
      { name: 'other.example', trustBundle: sourceOf((await CertificateAuthority.create()).root) },
    ];
    const x5c = [derBlocks(root.root, 'CERTIFICATE')[0]!.toString('base64')];
    const json = JSON.stringify({ trust_domains: { 'td.example': { keys: [{ kty: 'EC', use: 'x509-svid', x5c }] } } });
    const context = validationContext({});
    const byTrustDomain = new Map([['td.example', root.root]]);
    for (const { material } of [
      withValidator(spiffe({ trustDomains })),
      withValidator(spiffe({ trustBundles: sourceOf(json) })),
      build({ validation: { source: 'provider', context, byTrustDomain } }),
    ]) {
      assert.equal(await verdictOn(server, material), null);
      assert.match(
        (await verdictOn(foreign, material))?.message ?? '',
        /unable to get local issuer|there are no roots for the trust domain/,
      );
    }
  });

  it('refuses what it cannot do, by the name of the secret', async () => {
    const one = { name: 'td.example', trustBundle: sourceOf(root.root) };
    const cases: [ExtensionConfig, RegExp][] = [
      [
        { name: 'x', typeName: 'a.b.C', message: new Uint8Array(), struct: null },
        /custom_validator_config: validators of the type a\.b\.C are not supported/,
      ],
      [spiffe({ trustDomains: [one, one] }), /Multiple trust bundles are given for one trust domain/],
      [spiffe({ trustDomains: [{ ...one, name: 'spiffe://td' }] }), /it is no name of a trust domain/],
      [spiffe({ trustDomains: [{ ...one, workloadTrustDomain: 'x' }] }), /workload_trust_domain is not supported/],
      [spiffe({ trustDomains: [{ name: 'td.example' }] }), /trust_bundle is missing/],
      [spiffe({ trustDomains: [{ name: 'td.example', trustBundle: {} }] }), /the source of data is empty/],
      [spiffe({ trustBundles: sourceOf('{"trust_domains":{}}') }), /No trust domains found/],
    ];
    for (const [validator, text] of cases) {
      assert.throws(
        () => withValidator(validator),
        (error: Error) => {
          assert.match(error.message, text);
          assert.match(error.message, /^secret "ROOTCA": /);
          return true;
        },
      );
    }
    const { certificateChain, privateKey } = inlineCertificate(await root.issue());
    const provided = (fallback: boolean) => ({
      source: 'secret "default"',
      name: 'default',
      certificate: tlsCertificate({
        certificateChain,
        privateKey,
        privateKeyProvider: { name: 'cryptomb', typeName: '', fallback },
      }),
    });
    assert.throws(
      () => build({ certificates: [provided(false)] }),
      /secret "default": private_key_provider cryptomb is not supported/,
    );
    assert.equal(build({ certificates: [provided(true)] }).own.length, 1);
  });

  it('brings a certificate for each kind of key', async () => {
    const certificates = await Promise.all(
      (['ecdsa-p256', 'rsa-2048'] as const).map(async (keyType) => ({
        source: keyType,
        name: keyType,
        certificate: inlineCertificate(await root.issue({ keyType })),
      })),
    );
    assert.equal(build({ certificates }).own.length, 2);
    assert.throws(
      () =>
        build({
          certificates: [{ source: 'x', name: 'x', certificate: tlsCertificate({ certificateChain: inline('') }) }],
        }),
      /x: the private_key is missing/,
    );
  });
});
