import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { systemRandom } from '@inmesh/core';
import { WorkloadApi as Api } from '@inmesh/mtls';
import { grpcChannel } from '@inmesh/transports/rpc';
import { type JwtBundles, spiffeWorkloadApi, type WorkloadApi } from 'inmesh/identity';
import { identityProviderSuite, type ProviderScene } from '../../packages/mtls/src/testing/identity-provider-suite.ts';
import { HeardIdentity } from './support/heard-identity.ts';
import { Holdings } from './support/holdings.ts';
import { describeWithPeers } from './support/peers.ts';
import { SpiffeAgent, TRUST_DOMAIN } from './support/spiffe-agent.ts';
import { until } from './support/until.ts';

const WEB = `spiffe://${TRUST_DOMAIN}/web`;
const ADMIN = `spiffe://${TRUST_DOMAIN}/admin`;
const PERMISSION_DENIED = 7;
const UNAVAILABLE = 14;
const INVALID_ARGUMENT = 3;

/** An agent of its own, and all that a provider holds. */
async function openScene(): Promise<ProviderScene> {
  const agent = await SpiffeAgent.start();
  const holdings = new Holdings();
  const { endpoint } = agent;
  return {
    provider: new Api({
      transport: holdings.transport(grpcChannel({ target: endpoint, tls: null })),
      endpoint,
      ask: 'svid',
      clock: holdings.clock,
      random: systemRandom,
      onError: () => {},
    }),
    place: endpoint,
    uri: WEB,
    serve: async () => void (await agent.serve({ svids: [{ id: WEB }] })),
    serveExpired: async () => void (await agent.serve({ svids: [{ id: WEB, ttlSeconds: -30 }] })),
    spoil: async () => void (await agent.serve({ svids: [{ id: WEB }], wrongKey: true })),
    held: () => holdings.count,
    close: () => agent.stop(),
  };
}

/** A Workload API made with go-spiffe's messages and checks gives identities to a provider, and takes them back. */
describeWithPeers(['spiffe-agent'], 'the SPIFFE Workload API', () => {
  let agent: SpiffeAgent;
  const heard: HeardIdentity[] = [];
  const warnings: Error[] = [];

  const provider = (options: Parameters<typeof spiffeWorkloadApi>[0] = {}): WorkloadApi =>
    spiffeWorkloadApi({
      env: { SPIFFE_ENDPOINT_SOCKET: agent.endpoint },
      onWarning: (warning) => warnings.push(warning),
      ...options,
    });
  const hear = (options?: Parameters<typeof spiffeWorkloadApi>[0]): HeardIdentity => {
    const each = new HeardIdentity(provider(options));
    heard.push(each);
    return each;
  };
  const streams = (): number => agent.calls.filter(({ call }) => call === 'FetchX509SVID').length;

  before(async () => {
    agent = await SpiffeAgent.start();
  });

  after(async () => agent?.stop());

  afterEach(() => {
    for (const each of heard.splice(0)) each.unwatch();
    assert.deepEqual(warnings, []);
    assert.deepEqual(
      agent.calls.filter(({ header }) => header?.join() !== 'true'),
      [],
    );
  });

  identityProviderSuite('the SPIFFE Workload API', openScene);

  it('gives an SVID with its key, its chain and the roots of its trust domain', async () => {
    const made = await agent.serve({ svids: [{ id: WEB }] });
    const web = hear();
    await web.holds(made.serials[0] as string);
    const { certificate, trust } = web.current ?? {};
    assert.ok(certificate);
    assert.equal(web.leaf?.subjectAltName, `URI:${WEB}`);
    assert.ok(web.leaf?.checkPrivateKey(createPrivateKey(Buffer.from(certificate.key.reveal()))));
    assert.equal(certificate.notAfter, web.leaf?.validToDate.getTime());
    const [, intermediate] = certificate.chain.split(/(?<=-----END CERTIFICATE-----\n)/).filter(Boolean);
    const root = new X509Certificate(made.roots[TRUST_DOMAIN] as string);
    assert.ok(new X509Certificate(intermediate as string).verify(root.publicKey));
    assert.deepEqual(trust?.byTrustDomain, new Map([[TRUST_DOMAIN, made.roots[TRUST_DOMAIN]]]));
    assert.equal(trust?.roots, '');
    assert.doesNotMatch(JSON.stringify(web.current), /PRIVATE KEY/);
  });

  it('says who we are, in the example', async () => {
    await agent.serve({ svids: [{ id: WEB }], federated: ['other.example'] });
    const example = new URL('../../examples/identity/whoami.ts', import.meta.url).pathname;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=@inmesh/source', example, 'spiffe', '--once'],
      { env: { ...process.env, SPIFFE_ENDPOINT_SOCKET: agent.endpoint } },
    );
    assert.match(
      stdout,
      /^I am spiffe:\/\/example\.org\/web, until .*\nI trust (example\.org, other|other\.example, ex)/,
    );
  });

  it('is asked by one stream, however many watch, and by none once nobody does', async () => {
    await agent.serve({ svids: [{ id: WEB }] });
    const source = provider();
    const before = streams();
    const all = [new HeardIdentity(source), new HeardIdentity(source)];
    await until('both know', () => all.every(({ current }) => current !== null));
    const late = new HeardIdentity(source);
    assert.equal(late.current, all[0]?.current);
    assert.equal(streams(), before + 1);
    for (const each of [...all, late]) each.unwatch();
    const again = new HeardIdentity(source);
    heard.push(again);
    assert.equal(again.current, null);
    await again.hears(/changed/);
    assert.equal(streams(), before + 2);
  });

  it('rotates: each new SVID is in force when it comes', async () => {
    let made = await agent.serve({ svids: [{ id: WEB }] });
    const web = hear();
    await web.holds(made.serials[0] as string);
    for (let rotation = 0; rotation < 10; rotation++) {
      made = await agent.serve({ svids: [{ id: WEB }] });
      await web.holds(made.serials[0] as string);
    }
    assert.equal(web.said.filter((each) => each === 'changed').length, 11);
  });

  it('follows the roots: a new one beside the old, and those of federated domains come and go', async () => {
    await agent.serve({ svids: [{ id: WEB }] });
    const web = hear();
    const made = await agent.serve({ svids: [{ id: WEB }], newRoot: true, federated: ['other.example'] });
    await web.holds(made.serials[0] as string);
    const bundles = web.current?.trust?.byTrustDomain;
    assert.equal(bundles?.get(TRUST_DOMAIN)?.match(/BEGIN/g)?.length, 2);
    assert.deepEqual(Object.fromEntries(bundles ?? []), made.roots);
    const alone = await agent.serve({ svids: [{ id: WEB }] });
    await web.holds(alone.serials[0] as string);
    assert.deepEqual([...(web.current?.trust?.byTrustDomain?.keys() ?? [])], [TRUST_DOMAIN]);
  });

  it('takes on the lists of revoked certificates', async () => {
    const made = await agent.serve({ svids: [{ id: WEB }], revoke: true });
    const web = hear();
    await web.holds(made.serials[0] as string);
    assert.match(web.current?.trust?.crl ?? '', /^-----BEGIN X509 CRL-----\n[^-]+-----END X509 CRL-----\n$/);
  });

  it('chooses among several SVIDs by hint, by ID, and else the first', async () => {
    await agent.serve({
      svids: [
        { id: WEB, hint: 'internal' },
        { id: ADMIN, hint: 'external' },
      ],
    });
    for (const [choice, expected] of [
      [{}, WEB],
      [{ hint: 'external' }, ADMIN],
      [{ spiffeId: ADMIN }, ADMIN],
    ] as const) {
      const each = hear(choice);
      await each.hears(/changed/);
      assert.equal(each.leaf?.subjectAltName, `URI:${expected}`);
    }
    const nobody = hear({ hint: 'nobody' });
    assert.match(await nobody.hears(/lost/), /no SVID has hint "nobody"; there are .*\/web \("internal"\), .*\/admin/);
  });

  it('ends an identity that the endpoint takes back, and takes it up again', async () => {
    await agent.serve({ svids: [{ id: WEB }, { id: ADMIN }] });
    const admin = hear({ spiffeId: ADMIN });
    await admin.hears(/changed/);
    await agent.serve({ svids: [{ id: WEB }] });
    await admin.hears(/^lost: .*no SVID has id/);
    const made = await agent.serve({ svids: [{ id: ADMIN }] });
    await admin.holds(made.serials[0] as string);
    await agent.serve({ refuse: PERMISSION_DENIED });
    await admin.hears(/^lost: .*no identity is issued to this process, register an entry/);
    assert.equal(admin.current, null);
    const back = await agent.serve({ svids: [{ id: ADMIN }] });
    await admin.holds(back.serials[0] as string);
  });

  it('keeps the last one while the endpoint is away, and says so', async () => {
    const made = await agent.serve({ svids: [{ id: WEB }] });
    const web = hear();
    await web.holds(made.serials[0] as string);
    await agent.kill();
    assert.match(await web.hears(/trouble/), /FetchX509SVID failed: .*Workload API unix:\/\//);
    await web.holds(made.serials[0] as string);
    await agent.restart();
    const other = await agent.serve({ svids: [{ id: WEB }] });
    await web.holds(other.serials[0] as string);
  });

  it('keeps it over a refusal that says nothing of it, and asks again', async () => {
    const made = await agent.serve({ svids: [{ id: WEB }] });
    const web = hear();
    await web.holds(made.serials[0] as string);
    await agent.serve({ refuse: UNAVAILABLE });
    await web.hears(/trouble: .*refused as told/);
    await web.holds(made.serials[0] as string);
    const other = await agent.serve({ svids: [{ id: WEB }] });
    await web.holds(other.serials[0] as string);
  });

  it('does not ask again where the endpoint does not understand', async () => {
    await agent.serve({ refuse: INVALID_ARGUMENT });
    const web = hear();
    await web.hears(/^lost: .*it is not asked again/);
    const before = streams();
    await agent.serve({ svids: [{ id: WEB }] });
    const other = hear();
    await other.hears(/changed/);
    assert.equal(streams(), before + 1);
    assert.equal(web.current, null);
  });

  it('discards a response of which no use can be made', async () => {
    const made = await agent.serve({ svids: [{ id: WEB }] });
    const web = hear();
    await web.holds(made.serials[0] as string);
    await agent.serve({ svids: [{ id: WEB }], wrongKey: true });
    assert.match(await web.hears(/trouble/), /the key in x509_svid_key is not the one of the certificate/);
    await web.holds(made.serials[0] as string);
  });

  it('gives whom to trust to a process that has no identity', async () => {
    const made = await agent.serve({ federated: ['other.example'] });
    const nobody = hear({ ask: 'bundles' });
    await nobody.hears(/changed/);
    assert.equal(nobody.current?.certificate, null);
    assert.deepEqual(Object.fromEntries(nobody.current?.trust?.byTrustDomain ?? []), made.roots);
  });

  it('gives JWT-SVIDs, which it judges, too, and the keys that they are signed with', async () => {
    await agent.serve({ svids: [{ id: WEB }, { id: ADMIN, hint: 'external' }], federated: ['other.example'] });
    const source = provider();
    const svid = await source.fetchJwtSvid('spiffe://example.org/db');
    assert.equal(svid.spiffeId, WEB);
    const [, payload = ''] = svid.token.split('.');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { exp: number; aud: unknown };
    assert.equal(svid.notAfter, claims.exp * 1000);
    assert.equal((await source.fetchJwtSvid(['a', 'b'], { hint: 'external' })).spiffeId, ADMIN);
    const { spiffeId, claims: told } = await source.validateJwtSvid(svid.token, 'spiffe://example.org/db');
    assert.equal(spiffeId, WEB);
    assert.equal(told.sub, WEB);
    await assert.rejects(
      source.validateJwtSvid(svid.token, 'spiffe://example.org/other'),
      /ValidateJWTSVID: .*audience/,
    );
    await assert.rejects(source.fetchJwtSvid('a', { spiffeId: 'spiffe://example.org/none' }), /no such identity/);
    const bundles = await new Promise<JwtBundles>((resolve, reject) => {
      const unwatch = source.watchJwtBundles({
        changed: (all) => {
          resolve(all);
          queueMicrotask(() => unwatch());
        },
        resourceError: reject,
        ambientError: reject,
      });
    });
    assert.deepEqual([...bundles.keys()].sort(), [TRUST_DOMAIN, 'other.example']);
    assert.equal((JSON.parse(bundles.get(TRUST_DOMAIN) ?? '') as { keys: unknown[] }).keys.length, 1);
  });
});
