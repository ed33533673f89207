import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { SPIFFECertValidatorConfig } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb';
import { isMeshError, noRegex, systemClock } from '@inmesh/core';
import { CertificateAuthority, derBlocks } from '../ca/index.ts';
import { type FollowedTls, TlsContexts } from '../index.ts';
import { handshake, tlsIdentity } from '../testing/handshake.ts';
import { folderContent, type PemFolder, plainFolder, swappedFolder } from '../testing/pem-folder.ts';
import { ScriptedSecrets, tlsCertificate, upstreamTls, validationContext } from '../testing/tls-models.ts';

const DEADLINE_MS = 10_000;

describe('TlsContexts, with files', () => {
  let authority: CertificateAuthority;
  let folder: PemFolder;
  let warnings: string[];
  let events: string[];
  let tls: FollowedTls | null = null;

  beforeEach(async () => {
    authority = await CertificateAuthority.create();
    folder = swappedFolder();
    warnings = [];
    events = [];
  });

  afterEach(() => {
    tls?.release();
    tls = null;
    folder.remove();
  });

  function newContexts(): TlsContexts {
    return new TlsContexts({
      watchSecret: new ScriptedSecrets().watch,
      providers: new Map(),
      regex: noRegex,
      clock: systemClock,
      onWarning: (warning) => warnings.push(warning.message),
    });
  }

  function follow(watchedDirectory: string | null = folder.path): FollowedTls {
    const file = (path: string) => ({ kind: 'file', path, watchedDirectory: null }) as const;
    const certificate = tlsCertificate({
      certificateChain: file(folder.certFile),
      privateKey: file(folder.keyFile),
      watchedDirectory,
    });
    const context = validationContext({ trustedCa: file(folder.caFile), watchedDirectory });
    const common = upstreamTls({
      certificates: [{ kind: 'inline', certificate }],
      validation: { context, secret: null, provider: null },
    });
    const told = { onSettled: () => events.push('settled'), onRotated: () => events.push('rotated') };
    tls = newContexts().follow(common, { cluster: 'c' }, told);
    return tls;
  }

  async function until(what: string, holds: () => boolean): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !holds(); ) {
      if (Date.now() > deadline) assert.fail(`not within ${DEADLINE_MS} ms: ${what}; ${events} ${warnings}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async function shownBy(followed: FollowedTls): Promise<string | undefined> {
    const current = followed.current();
    if (isMeshError(current)) throw current;
    const server = { ...tlsIdentity(await authority.issue()), ca: authority.root, requestCert: true };
    const seen: (string | undefined)[] = [];
    await handshake({ ...server, rejectUnauthorized: true }, { secureContext: current.secureContext }, (socket) =>
      seen.push(socket.getPeerCertificate().subjectaltname),
    );
    return seen[0];
  }

  async function write(uri: string): Promise<void> {
    folder.write(folderContent(await authority.issue({ uris: [uri] }), authority.root));
  }

  it('has them at once, and follows the link that Kubernetes swaps', async () => {
    await write('spiffe://td/one');
    const followed = follow();
    assert.equal(followed.settled, true);
    assert.equal(await shownBy(followed), 'URI:spiffe://td/one');
    await write('spiffe://td/two');
    await until('the rotation', () => events.includes('rotated'));
    assert.equal(await shownBy(followed), 'URI:spiffe://td/two');
    assert.deepEqual(warnings, []);
  });

  it('follows files that are written in place, without a watched directory', async () => {
    folder.remove();
    folder = plainFolder();
    await write('spiffe://td/one');
    const followed = follow(null);
    await write('spiffe://td/two');
    await until('the rotation', () => events.includes('rotated'));
    assert.equal(await shownBy(followed), 'URI:spiffe://td/two');
    assert.deepEqual(warnings, []);
  });

  it('gives calls a moment to wait for files that are not there, then names the file, then takes it', async () => {
    const followed = follow();
    assert.equal(followed.settled, false);
    await until('settled', () => followed.settled);
    const refused = followed.current();
    assert.ok(isMeshError(refused));
    assert.match(refused.message, /no TLS: .*tls\.crt cannot be read: ENOENT \(cluster c\)$/);
    await write('spiffe://td/one');
    await until('the rotation', () => events.includes('rotated'));
    assert.equal(await shownBy(followed), 'URI:spiffe://td/one');
    assert.deepEqual(events, ['settled', 'rotated']);
  });

  it('keeps the last good files in force while those on the disk are of no use', async () => {
    await write('spiffe://td/one');
    const followed = follow();
    const before = followed.current();
    const { chain } = await authority.issue();
    const { key } = await authority.issue();
    folder.write({ chain, key: key.reveal(), roots: authority.root });
    await until('a warning', () => warnings.length > 0);
    assert.match(warnings[0]!, /the inline certificate.*what was in force stays so$/);
    rmSync(join(folder.path, '..data'));
    await until('a second warning', () => warnings.length > 1);
    assert.match(warnings[1]!, /tls\.crt cannot be read: ENOENT/);
    assert.equal(followed.current(), before);
    await write('spiffe://td/two');
    await until('the rotation', () => events.includes('rotated'));
    assert.equal(await shownBy(followed), 'URI:spiffe://td/two');
  });

  it('follows the files of a SPIFFE validator, which are named within its own message', async () => {
    const file = join(folder.path, 'map.json');
    const mapOf = (pem: string) => {
      const x5c = derBlocks(pem, 'CERTIFICATE').map((der) => der.toString('base64'));
      return JSON.stringify({ trust_domains: { td: { keys: [{ kty: 'EC', use: 'x509-svid', x5c }] } } });
    };
    writeFileSync(file, mapOf(authority.root));
    const type = messageType<SPIFFECertValidatorConfig>(
      'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig',
    );
    const config = create(type, { trustBundles: { specifier: { case: 'filename', value: file } } });
    const customValidator = { name: 'spiffe', typeName: type.typeName, message: toBinary(type, config), struct: null };
    const context = validationContext({ customValidator });
    tls = newContexts().follow(
      upstreamTls({ validation: { context, secret: null, provider: null } }),
      { cluster: 'c' },
      { onSettled: () => undefined, onRotated: () => events.push('rotated') },
    );
    assert.equal(tls.settled, true);
    const first = tls.current();
    assert.equal(isMeshError(first), false);
    events = [];
    const other = await CertificateAuthority.create();
    writeFileSync(file, mapOf(other.root));
    await until('the rotation', () => events.includes('rotated'));
    assert.notEqual(tls.current(), first);
  });

  it('reads no more once it is released', async () => {
    await write('spiffe://td/one');
    follow().release();
    writeFileSync(folder.caFile, 'no PEM');
    await write('spiffe://td/two');
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([events, warnings], [[], []]);
  });
});
