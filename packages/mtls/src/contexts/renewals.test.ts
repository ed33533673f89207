import assert from 'node:assert/strict';
import { CertificateAuthority } from '../ca/index.ts';
import { certificateGauges } from '../index.ts';
import { handshake, tlsIdentity } from '../testing/handshake.ts';
import { material, refusal, Scene } from '../testing/tls-contexts-scene.ts';
import { inline, inlineCertificate, sds, sdsCertificate, validationContext } from '../testing/tls-models.ts';

const HOUR_MS = 3_600_000;

describe('TlsContexts, when a secret is renewed, of no use, or over', () => {
  let authority: CertificateAuthority;

  before(async () => {
    authority = await CertificateAuthority.create();
  });

  it('has nothing any more once a secret was revoked, until there is another', async () => {
    const scene = new Scene();
    const tls = scene.follow({ certificates: [sdsCertificate('default')] });
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    scene.secrets.gone('default', 'the server has it no more');
    material(tls.current());
    scene.secrets.revoked('default', 'no identity is issued to this process');
    assert.match(refusal(tls.current()), /secret "default": no identity is issued to this process/);
    assert.deepEqual(scene.events, ['settled', 'rotated']);
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    material(tls.current());
    assert.deepEqual(scene.events, ['settled', 'rotated', 'rotated']);
  });

  it('keeps the last good version when a new one is of no use, and says once which secret is to blame', async () => {
    const scene = new Scene();
    const tls = scene.follow({ certificates: [sdsCertificate('default')] });
    const good = await authority.issue();
    scene.secrets.certificate('default', inlineCertificate(good));
    const first = material(tls.current());
    const other = await authority.issue();
    const now = scene.clock.wallNow();
    const expired = await authority.issue({ notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS });
    const cases: [() => void, RegExp][] = [
      [
        () => scene.secrets.certificate('default', inlineCertificate({ ...good, key: other.key })),
        /secret "default": the private key is not that/,
      ],
      [
        () => scene.secrets.certificate('default', inlineCertificate({ ...good, chain: 'no PEM' })),
        /secret "default": there is no certificate/,
      ],
      [() => scene.secrets.certificate('default', inlineCertificate(expired)), /of secret "default" expired at 20/],
      [() => scene.secrets.gone('default', 'taken back'), /secret "default": taken back/],
      [() => scene.secrets.trouble('default', 'the stream is down'), /secret "default": the stream is down/],
    ];
    for (const [act, text] of cases) {
      const before = scene.warnings.length;
      act();
      act();
      assert.equal(scene.warnings.length, before + 1);
      assert.match(scene.warnings.at(-1)!, text);
      assert.match(scene.warnings.at(-1)!, /what was in force stays so$/);
      assert.equal(tls.current(), first);
    }
    scene.secrets.certificate('default', inlineCertificate(other));
    assert.notEqual(tls.current(), first);
  });

  it('takes new roots beside the last good certificate, while the next one is of no use', async () => {
    const scene = new Scene();
    const tls = scene.follow({
      certificates: [sdsCertificate('default')],
      validation: { context: null, secret: sds('ROOTCA'), provider: null },
    });
    const good = await authority.issue();
    scene.secrets.certificate('default', inlineCertificate(good));
    scene.secrets.validation('ROOTCA', validationContext({ trustedCa: inline(authority.root) }));
    const first = material(tls.current());
    scene.secrets.certificate('default', inlineCertificate({ ...good, chain: 'no PEM' }));
    assert.equal(tls.current(), first);
    const other = await CertificateAuthority.create();
    scene.secrets.validation('ROOTCA', validationContext({ trustedCa: inline(authority.root + other.root) }));
    const server = tlsIdentity(await other.issue());
    const { secureContext } = material(tls.current());
    assert.equal((await handshake(server, { secureContext })).verdict, '');
    assert.deepEqual(scene.events, ['settled', 'rotated']);
    assert.match(scene.warnings.at(-1)!, /secret "default": there is no certificate/);
    tls.release();
  });

  it('refuses, naming the certificate, once its time is over and none has followed', async () => {
    const scene = new Scene();
    const tls = scene.follow({ certificates: [sdsCertificate('default')] }, 'reviews');
    const notAfter = Math.floor(scene.clock.wallNow() / 1000) * 1000 + HOUR_MS;
    scene.secrets.certificate('default', inlineCertificate(await authority.issue({ notAfter })));
    const [certificates] = scene.contexts.certificates();
    assert.deepEqual(
      [certificates?.cluster, certificates?.own[0]?.name, certificates?.own[0]?.notAfter],
      ['reviews', 'default', notAfter],
    );
    scene.clock.advance(notAfter - 1 - scene.clock.wallNow());
    material(tls.current());
    scene.clock.advance(1);
    assert.match(
      refusal(tls.current()),
      /the certificate of secret "default" expired at 20.*Z: renew it.*cluster reviews/,
    );
    const gauges = certificateGauges(scene.contexts.certificates(), scene.clock.wallNow());
    assert.equal(gauges['server.days_until_first_cert_expiring'], 0);
    assert.equal(gauges['cluster.reviews.ssl.certificate.default.expiration_unix_time_seconds'], notAfter / 1000);
    scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
    material(tls.current());
  });

  it('goes on with the other certificate when one of two has expired', async () => {
    const scene = new Scene();
    const notAfter = Math.floor(scene.clock.wallNow() / 1000) * 1000 + HOUR_MS;
    const rsa = await authority.issue({ keyType: 'rsa-2048', notAfter });
    const ecdsa = await authority.issue({ keyType: 'ecdsa-p256' });
    const tls = scene.follow({ certificates: [sdsCertificate('rsa'), sdsCertificate('ecdsa')] });
    scene.secrets.certificate('rsa', inlineCertificate(rsa));
    scene.secrets.certificate('ecdsa', inlineCertificate(ecdsa));
    const names = () => scene.contexts.certificates()[0]?.own.map((each) => each.name);
    assert.deepEqual(names(), ['rsa', 'ecdsa']);
    scene.clock.advance(HOUR_MS);
    material(tls.current());
    assert.deepEqual(names(), ['ecdsa']);
    assert.deepEqual(scene.events, ['settled', 'rotated']);
  });
});
