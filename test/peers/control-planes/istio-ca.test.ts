import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type IdentityProvider, type IstioCaOptions, istioCa } from 'inmesh/identity';
import {
  identityProviderSuite,
  type ProviderScene,
} from '../../../packages/mtls/src/testing/identity-provider-suite.ts';
import { HeardIdentity } from '../support/heard-identity.ts';
import { Holdings } from '../support/holdings.ts';
import { describeWithPeers } from '../support/peers.ts';
import { until } from '../support/until.ts';
import { KubeIstio, type PodFiles } from './kube-istio.ts';

const WEB = 'spiffe://cluster.local/ns/default/sa/web';

/** istiod's CA on a real Kubernetes API gives certificates to who has the token of a service account, as TokenRequest makes it. */
describeWithPeers(['kube-apiserver', 'etcd', 'kubectl', 'pilot-discovery'], 'Istio’s CA', () => {
  let kube: KubeIstio;
  let files: PodFiles;
  let token: string;
  const warnings: Error[] = [];
  const heard: HeardIdentity[] = [];

  const provider = (options: IstioCaOptions = {}): IdentityProvider =>
    istioCa({
      address: kube.address,
      ...files,
      env: { POD_NAMESPACE: 'default', SERVICE_ACCOUNT: 'web' },
      onWarning: (warning) => warnings.push(warning),
      ...options,
    });
  const hear = (options?: IstioCaOptions): HeardIdentity => {
    const each = new HeardIdentity(provider(options));
    heard.push(each);
    return each;
  };

  before(async () => {
    kube = await KubeIstio.start();
    await kube.kubectl('create', 'serviceaccount', 'web');
    files = await kube.podFiles('web');
    token = readFileSync(files.tokenFile, 'utf8');
  });

  after(async () => kube?.stop());

  afterEach(() => {
    for (const each of heard.splice(0)) each.unwatch();
    assert.deepEqual(warnings.splice(0), []);
  });

  identityProviderSuite('Istio’s CA', async (): Promise<ProviderScene> => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-istio-ca-'));
    const tokenFile = join(folder, 'token');
    const holdings = new Holdings();
    return {
      // Renewed after a second, so that there is another one soon.
      provider: provider({ tokenFile, clock: holdings.clock, ttlSeconds: 3, onWarning: () => {} }),
      place: kube.address,
      uri: WEB,
      serve: () => writeFile(tokenFile, token),
      spoil: () => writeFile(tokenFile, 'not-a-token'),
      held: () => holdings.count,
      close: () => rm(folder, { recursive: true }),
    };
  });

  it('certifies the account of the token, for a day, under the mesh’s root', async () => {
    const web = hear();
    await web.hears(/changed/);
    const { certificate, trust } = web.current ?? {};
    assert.equal(web.leaf?.subjectAltName, `URI:${WEB}`);
    assert.equal(web.leaf?.publicKey.asymmetricKeyDetails?.namedCurve, 'prime256v1');
    const hours = ((certificate?.notAfter ?? 0) - Date.now()) / 3_600_000;
    assert.ok(hours > 23 && hours <= 24.1, `${hours} hours`);
    const root = new X509Certificate(readFileSync(files.rootCertFile));
    assert.equal(new X509Certificate(trust?.roots ?? '').fingerprint256, root.fingerprint256);
    assert.ok(!certificate?.chain.includes(trust?.roots.trim() ?? ''), 'the root is not sent to peers');
    assert.doesNotMatch(JSON.stringify(web.current), /PRIVATE KEY/);
  });

  for (const [keyType, length] of [
    ['rsa-2048', 2048],
    ['rsa-4096', 4096],
  ] as const) {
    it(`certifies a key of ${keyType}`, async () => {
      const web = hear({ keyType });
      await web.hears(/changed/);
      assert.equal(web.leaf?.publicKey.asymmetricKeyDetails?.modulusLength, length);
    });
  }

  it('goes by the token, whatever account the request names', async () => {
    const web = hear({ serviceAccount: 'admin' });
    await web.hears(/changed/);
    assert.equal(web.leaf?.subjectAltName, `URI:${WEB}`);
  });

  it('renews at half life: a new key each time, and nobody hears of trouble', async () => {
    const web = hear({ ttlSeconds: 4 });
    const seen = new Set<string>();
    await until('four certificates came', () => {
      if (web.leaf !== null) seen.add(web.leaf.publicKey.export({ type: 'spki', format: 'pem' }).toString());
      return seen.size === 4;
    });
    assert.deepEqual(new Set(web.said), new Set(['changed']));
  });

  it('trusts further roots of the mesh, and follows their file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-istio-ca-'));
    const meshRootsFile = join(folder, 'roots.pem');
    const root = readFileSync(files.rootCertFile, 'utf8');
    await writeFile(meshRootsFile, root);
    const web = hear({ meshRootsFile });
    await web.hears(/changed/);
    assert.equal(web.current?.trust?.roots.match(/BEGIN/g)?.length, 1);
    const { CertificateAuthority } = await import('@inmesh/mtls/ca');
    const next = await CertificateAuthority.create();
    await writeFile(meshRootsFile, root + next.root);
    await until('both are trusted', () => web.current?.trust?.roots.includes(next.root.trim()) === true);
    assert.equal(web.current?.trust?.roots.match(/BEGIN/g)?.length, 2);
    await rm(folder, { recursive: true });
  });

  it('says what is wrong: no token, no root, another server', async () => {
    assert.match(await hear({ tokenFile: '/nowhere' }).hears(/lost/), /tokenFile: \/nowhere cannot be read/);
    assert.match(await hear({ rootCertFile: '/nowhere' }).hears(/lost/), /rootCertFile: \/nowhere cannot be read/);
    assert.match(await hear({ serverName: 'other.example' }).hears(/lost/), /no certificate: .*other\.example/);
  });
});
