import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { CertificateAuthority, derBlocks } from '../ca/index.ts';
import { KEY_USAGE, readCertificate } from './certificate.ts';
import { certificateNames, describeNames } from './certificate-names.ts';
import { DerNode } from './der.ts';
import { readGeneralNames } from './general-names.ts';

const HOUR_MS = 3_600_000;
const derOf = (pem: string): Buffer => derBlocks(pem, 'CERTIFICATE')[0]!;

describe('readCertificate', () => {
  let root: CertificateAuthority;
  before(async () => {
    root = await CertificateAuthority.create();
  });

  it('reads what a leaf says, as OpenSSL does', async () => {
    const notAfter = Date.UTC(2060, 0, 1);
    const leaf = await root.issue({ uris: ['spiffe://td/ns/a/sa/b'], notAfter, usages: ['client'] });
    const read = readCertificate(derOf(leaf.chain));
    const x509 = new X509Certificate(leaf.chain);
    assert.equal(read.notAfter, notAfter);
    assert.equal(read.notBefore, x509.validFromDate.getTime());
    assert.equal(read.serial, x509.serialNumber.toLowerCase());
    assert.equal(read.authority, false);
    assert.equal(read.keyUsage, KEY_USAGE.digitalSignature);
    assert.deepEqual(read.extendedKeyUsage, ['1.3.6.1.5.5.7.3.2']);
    assert.equal(read.signatureAlgorithm, '1.2.840.10045.4.3.2');
    assert.deepEqual(read.publicKeyInfo, x509.publicKey.export({ type: 'spki', format: 'der' }));
    assert.deepEqual(read.unknownCritical, []);
    assert.deepEqual(read.names, [{ type: 'uri', value: 'spiffe://td/ns/a/sa/b', oid: '' }]);
  });

  it('reads what an authority says', async () => {
    const narrow = await root.intermediate({ pathLength: 1 });
    const read = readCertificate(derOf(narrow.certificate));
    assert.equal(read.authority, true);
    assert.equal(read.pathLength, 1);
    assert.equal(read.keyUsage, KEY_USAGE.keyCertSign | KEY_USAGE.crlSign);
    assert.equal(read.extendedKeyUsage, null);
    assert.deepEqual(read.names, []);
    assert.equal(readCertificate(derOf(root.root)).pathLength, null);
  });

  it('reads names of every kind, as Envoy writes them', async () => {
    const ips = ['10.0.0.1', '::', '::1', '2001:db8::1', '2001:db8:0:1::', '1:0:0:2::3', '1:0:2:3:4:5:6:7'];
    const { chain } = await root.issue({
      dnsNames: ['a.example', '*.b.example'],
      emails: ['a@b.example'],
      ips,
      otherNames: [{ oid: '1.2.3.4', text: 'é' }],
    });
    const names = certificateNames(derOf(chain));
    assert.deepEqual(
      names.map(({ type, value }) => [type, value]),
      [
        ['dns', 'a.example'],
        ['dns', '*.b.example'],
        ...ips.map((ip) => ['ip_address', ip]),
        ['email', 'a@b.example'],
        ['other_name', '\xc3\xa9'],
      ],
    );
    assert.equal(names.at(-1)?.oid, '1.2.3.4');
    assert.match(describeNames(names), /^dns a\.example, dns \*\.b\.example, .* and 3 more$/);
  });

  it('writes addresses that hold one of IPv4 with dots, and none for what is no address', () => {
    const address = (hex: string): string => {
      const bytes = Buffer.from(hex, 'hex');
      const sequence = Buffer.concat([Buffer.from([0x30, bytes.length + 2, 0x87, bytes.length]), bytes]);
      return readGeneralNames(DerNode.parse(sequence))[0]!.value;
    };
    assert.equal(address('00000000000000000000ffff0a000001'), '::ffff:10.0.0.1');
    assert.equal(address('0000000000000000000000000a000001'), '::10.0.0.1');
    assert.equal(address('00000000000000000000000000000001'), '::1');
    assert.equal(address('0a0000'), '');
  });

  it('is not led astray by a name that holds another', () => {
    const evil = 'http://evil/, DNS:good.example\u0000\n';
    const name = Buffer.concat([Buffer.from([0x86, evil.length]), Buffer.from(evil)]);
    const names = readGeneralNames(DerNode.parse(Buffer.concat([Buffer.from([0x30, name.length]), name])));
    assert.deepEqual(names, [{ type: 'uri', value: evil, oid: '' }]);
    assert.equal(describeNames(names), 'uri http://evil/,\\x20DNS:good.example\\x00\\x0a');
  });

  it('refuses what is no certificate, or has more or less than one', async () => {
    const der = derOf((await root.issue({ notBefore: Date.now() - HOUR_MS })).chain);
    assert.throws(() => readCertificate(Buffer.concat([der, Buffer.from([0])])), /left over/);
    assert.throws(() => readCertificate(der.subarray(0, der.length - 1)), /cut off/);
    assert.throws(() => readCertificate(Buffer.from('3003020100', 'hex')), /three parts/);
    assert.deepEqual(certificateNames(Buffer.from('garbage')), []);
    assert.equal(describeNames([]), 'nobody');
  });
});
