import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { MeshError } from '@inmesh/core';
import { CertificateAuthority } from '../ca/index.ts';
import type { Identity, IdentityProvider } from '../index.ts';
import { handshake, tlsIdentity } from '../testing/handshake.ts';
import { material, refusal, Scene } from '../testing/tls-contexts-scene.ts';
import {
  inline,
  inlineCertificate,
  sds,
  sdsCertificate,
  tlsCertificate,
  validationContext,
} from '../testing/tls-models.ts';

describe('TlsContexts', () => {
  let authority: CertificateAuthority;

  before(async () => {
    authority = await CertificateAuthority.create();
  });

  const byRoots = (pem: string) => ({
    context: validationContext({ trustedCa: inline(pem) }),
    secret: null,
    provider: null,
  });

  it('has what is inline at once, and connects with it', async () => {
    const scene = new Scene();
    const own = await authority.issue({ uris: ['spiffe://td/ns/a/sa/b'] });
    const tls = scene.follow({
      certificates: [{ kind: 'inline', certificate: inlineCertificate(own) }],
      validation: byRoots(authority.root),
    });
    assert.equal(tls.settled, true);
    const server = tlsIdentity(await authority.issue({ dnsNames: ['b'] }));
    const { secureContext } = material(tls.current());
    const seen = await handshake(
      { ...server, ca: authority.root, requestCert: true, rejectUnauthorized: true },
      { secureContext },
    );
    assert.equal(seen.verdict, '');
    assert.deepEqual(scene.events, []);
    tls.release();
    assert.deepEqual([scene.clock.pending, scene.contexts.certificates()], [0, []]);
  });

  it('waits for all of its secrets, then tells once, then tells of each renewal', async () => {
    const scene = new Scene();
    const tls = scene.follow({
      certificates: [sdsCertificate('default')],
      validation: {
        context: validationContext({ maxVerifyDepth: 3 }),
        secret: sds('ROOTCA'),
        provider: null,
      },
    });
    assert.equal(tls.settled, false);
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    assert.equal(tls.settled, false);
    scene.secrets.validation('ROOTCA', validationContext({ trustedCa: inline(authority.root) }));
    assert.equal(tls.settled, true);
    assert.deepEqual(scene.events, ['settled']);
    const first = material(tls.current());
    assert.equal(scene.contexts.certificates()[0]?.roots.length, 1);

    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    assert.deepEqual(scene.events, ['settled', 'rotated']);
    assert.notEqual(material(tls.current()), first);
    tls.release();
    assert.deepEqual(
      [scene.secrets.watched('default'), scene.secrets.watched('ROOTCA'), scene.clock.pending],
      [0, 0, 0],
    );
  });

  it('gives a secret up that does not come in time, names it, and takes it when it comes after all', async () => {
    const scene = new Scene();
    const tls = scene.follow({ certificates: [sdsCertificate('default')] });
    scene.secrets.trouble('default', 'the stream is down');
    scene.clock.advance(14_999);
    assert.equal(tls.settled, false);
    scene.clock.advance(1);
    assert.equal(tls.settled, true);
    assert.equal(
      refusal(tls.current()),
      '[connection_failure] no TLS: secret "default" did not come within 15000 ms: the stream is down (cluster c)',
    );
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    material(tls.current());
    assert.deepEqual(scene.events, ['settled', 'rotated']);
  });

  it('holds nobody up for ever where it is told to wait so, and takes what comes then', async () => {
    const scene = new Scene();
    const tls = scene.follow({ certificates: [{ kind: 'sds', secret: sds('default', 0) }] });
    scene.clock.advance(14_999);
    assert.equal(tls.settled, false);
    scene.clock.advance(1);
    assert.match(refusal(tls.current()), /secret "default" did not come within 15000 ms/);
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    material(tls.current());
    assert.deepEqual(scene.events, ['settled', 'rotated']);
  });

  it('refuses at once what the source says it does not have, or has as something else', () => {
    const scene = new Scene();
    const one = scene.follow({ certificates: [sdsCertificate('one')] });
    const two = scene.follow({ certificates: [sdsCertificate('two')] });
    scene.secrets.gone('one', 'it is not among the static secrets');
    scene.secrets.validation('two', validationContext({}));
    assert.match(refusal(one.current()), /no TLS: secret "one": it is not among the static secrets/);
    assert.match(refusal(two.current()), /secret "two": it is a validation_context, where a tls_certificate is needed/);
    assert.equal(scene.clock.pending, 0);
  });

  it('shares one material among contexts of equal content, whatever their protocols and clusters', async () => {
    const scene = new Scene();
    const certificate = inlineCertificate(await authority.issue());
    const other = inlineCertificate(await authority.issue());
    const ref = { kind: 'inline', certificate } as const;
    const one = scene.follow({ certificates: [ref], alpnProtocols: ['h2'] }, 'one');
    const two = scene.follow({ certificates: [{ ...ref, certificate: { ...certificate } }] }, 'two');
    const three = scene.follow({
      certificates: [{ kind: 'inline', certificate: { ...certificate, privateKey: other.privateKey } }],
    });
    assert.equal(one.current(), two.current());
    assert.notEqual(one.current(), three.current());
    assert.match(refusal(three.current()), /the inline certificate: the private key is not that/);
    assert.deepEqual(
      scene.contexts.certificates().map((each) => each.cluster),
      ['one', 'two', 'c'],
    );
    assert.match(scene.contexts.certificates()[0]!.own[0]!.name, /^unnamed_cert_[0-9a-f]{8}$/);
    one.release();
    one.release();
    material(two.current());
    assert.deepEqual(
      scene.contexts.certificates().map((each) => each.cluster),
      ['two', 'c'],
    );
  });

  it('shares what OpenSSL needs among clusters that differ in the names that they expect', async () => {
    const scene = new Scene();
    const named = (value: string) => ({
      certificates: [sdsCertificate('default')],
      validation: {
        context: validationContext({
          trustedCa: inline(authority.root),
          subjectAltNames: [{ sanType: 'uri', match: 'exact', value, ignoreCase: false, oid: '' }] as const,
        }),
        secret: null,
        provider: null,
      },
    });
    const [one, two] = [scene.follow(named('spiffe://td/one')), scene.follow(named('spiffe://td/two'))];
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    const first = material(one.current());
    assert.notEqual(first, material(two.current()));
    assert.equal(first.secureContext, material(two.current()).secureContext);
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    assert.notEqual(material(one.current()).secureContext, first.secureContext);
    assert.equal(material(one.current()).secureContext, material(two.current()).secureContext);
  });

  it('takes certificate and roots from a provider of the bootstrap, both at once', async () => {
    let tell: (identity: Identity) => void = () => undefined;
    let lose: () => void = () => undefined;
    let watched = 0;
    const provider: IdentityProvider = {
      watch(watcher) {
        watched++;
        tell = (identity) => watcher.changed(identity);
        lose = () => watcher.resourceError(new MeshError('connection_failure', 'the agent denies it'));
        return () => watched--;
      },
    };
    const scene = new Scene(new Map([['default', provider]]));
    const instance = { instanceName: 'default', certificateName: '' };
    const tls = scene.follow({
      certificates: [{ kind: 'provider', ...instance }],
      validation: { context: validationContext({ caCertificateProvider: instance }), secret: null, provider: null },
    });
    assert.deepEqual([tls.settled, watched], [false, 1]);
    const byTrustDomain = new Map([['td', authority.root]]);
    tell({ certificate: await authority.issue(), trust: { roots: '', crl: '', byTrustDomain } });
    const first = material(tls.current());
    assert.equal(scene.contexts.certificates()[0]?.roots.length, 1);
    tell({ certificate: await authority.issue(), trust: { roots: authority.root, crl: '', byTrustDomain: null } });
    assert.notEqual(tls.current(), first);
    assert.deepEqual(scene.events, ['settled', 'rotated']);

    tell({ certificate: await authority.issue(), trust: null });
    assert.match(refusal(tls.current()), /certificate provider "default" has no roots/);
    lose();
    assert.match(refusal(tls.current()), /certificate provider "default": the agent denies it/);
    tls.release();
    assert.equal(watched, 0);
  });

  it('takes roots alone from a provider that knows them already', async () => {
    const identity = { certificate: null, trust: { roots: authority.root, crl: '', byTrustDomain: null } };
    let watched = 0;
    const provider: IdentityProvider = {
      watch(watcher) {
        watched++;
        watcher.changed(identity);
        return () => watched--;
      },
    };
    const scene = new Scene(new Map([['roots', provider]]));
    const context = validationContext({ caCertificateProvider: { instanceName: 'roots', certificateName: '' } });
    const tls = scene.follow({ validation: { context, secret: null, provider: null } });
    assert.deepEqual([tls.settled, watched], [true, 1]);
    material(tls.current());
    tls.release();
    assert.equal(watched, 0);
  });

  it('refuses an instance that the bootstrap does not have', () => {
    const tls = new Scene().follow({ certificates: [{ kind: 'provider', instanceName: 'x', certificateName: '' }] });
    assert.match(
      refusal(tls.current()),
      /certificate provider "x" is not among certificate_providers of the bootstrap/,
    );
  });

  it('reads environment variables', async () => {
    const scene = new Scene();
    const own = await authority.issue();
    const certificate = tlsCertificate({
      certificateChain: { kind: 'environment', variable: 'CHAIN' },
      privateKey: { kind: 'environment', variable: 'KEY' },
    });
    scene.environment.set('CHAIN', own.chain);
    const without = scene.follow({ certificates: [{ kind: 'inline', certificate }] });
    assert.match(refusal(without.current()), /the environment variable KEY is not set/);
    without.release();
    scene.environment.set('KEY', Buffer.from(own.key.reveal()).toString());
    material(scene.follow({ certificates: [{ kind: 'inline', certificate }] }).current());
  });

  it('shows no key to whoever inspects it, and none in its errors', async () => {
    const scene = new Scene();
    const own = await authority.issue();
    const other = await authority.issue();
    const tls = scene.follow({ certificates: [sdsCertificate('default')] });
    scene.secrets.certificate('default', inlineCertificate({ ...own, key: other.key }));
    const error = tls.current();
    scene.secrets.certificate('default', inlineCertificate(own));
    scene.secrets.certificate('default', inlineCertificate({ ...own, key: other.key }));
    const seen = [tls, error, scene.contexts, scene.contexts.certificates(), scene.warnings];
    const text = inspect(seen, { depth: 20, showHidden: true, maxStringLength: null }) + JSON.stringify(seen);
    assert.doesNotMatch(text, /PRIVATE KEY/);
    for (const key of [own.key, other.key]) {
      const base64 = Buffer.from(key.reveal()).toString().split('\n')[1]!;
      assert.equal(text.includes(base64), false);
    }
  });
});
