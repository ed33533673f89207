import assert from 'node:assert/strict';
import type { CertifiedKey } from '@inmesh/mtls';
import { type Mesh, meshErrorOf } from 'inmesh';
import { spiffeWorkloadApi } from 'inmesh/identity';
import { service } from '../support/feed.ts';
import { type MtlsServer, startMtls } from '../support/mtls-server.ts';
import { Scene } from '../support/scene.ts';
import { AGENT, sdsContext, tlsSocket } from '../support/tls-feed.ts';
import { HeardIdentity } from './support/heard-identity.ts';
import { describeWithPeers } from './support/peers.ts';
import { SpiffeAgent, type SpiffeMade, type SpiffeState, TRUST_DOMAIN } from './support/spiffe-agent.ts';
import { until } from './support/until.ts';

const OTHER_DOMAIN = 'other.example';
const WEB = `spiffe://${TRUST_DOMAIN}/web`;
const DB = `spiffe://${TRUST_DOMAIN}/db`;
const FAR = `spiffe://${OTHER_DOMAIN}/far`;
const PERMISSION_DENIED = 7;

/** A mesh whose feed is made for sidecars gets its identity from a Workload API instead of an istio-agent, and calls services with identities of the same. */
describeWithPeers(['spiffe-agent'], 'a mesh with a SPIFFE identity', () => {
  let agent: SpiffeAgent;
  let scene: Scene;
  let mesh: Mesh;
  const servers: MtlsServer[] = [];

  const web: SpiffeState = { svids: [{ id: WEB }], federated: [OTHER_DOMAIN] };
  const serve = (state: SpiffeState): Promise<SpiffeMade> => agent.serve(state);
  const call = async (url: string) => {
    const response = await mesh.fetch(url);
    return { serial: (await response.text()).toLowerCase().replace(/^0+/, ''), error: meshErrorOf(response)?.message };
  };
  /** New connections, so that what holds now is seen. */
  const afresh = (url: string) => {
    for (const server of servers) server.hangUp();
    return call(url);
  };
  /** The identity of a service, and roots for its clients. */
  const issue = async (state: SpiffeState): Promise<CertifiedKey> => {
    const made = await serve(state);
    const heard = new HeardIdentity(spiffeWorkloadApi({ endpoint: agent.endpoint }));
    await heard.holds(made.serials[0] as string);
    heard.unwatch();
    return heard.current?.certificate as CertifiedKey;
  };

  before(async () => {
    agent = await SpiffeAgent.start();
    const far = await issue({ trustDomain: OTHER_DOMAIN, svids: [{ id: FAR }] });
    const db = await issue({ svids: [{ id: DB }] });
    const roots = (await serve(web)).roots[TRUST_DOMAIN] as string;
    for (const identity of [db, far]) servers.push(await startMtls({ identity, roots, protocol: 'http1' }));
    const secured = (name: string, uri: string, index: number) =>
      service(name, [servers[index]?.port as number], {
        cluster: { transport_socket: tlsSocket(sdsContext(uri, undefined, AGENT)) },
      });
    scene = await Scene.start([
      ...secured('db:80', DB, 0),
      ...secured('far:80', FAR, 1),
      ...secured('not-db:80', `${DB}-other`, 0),
    ]);
    mesh = await scene.mesh({ identity: spiffeWorkloadApi({ endpoint: agent.endpoint }) });
  });

  after(async () => {
    mesh?.close();
    await scene?.[Symbol.asyncDispose]();
    for (const server of servers) await server.close();
    await agent?.stop();
  });

  it('is known to the service that it calls, and each renewed SVID is', async () => {
    assert.equal((await call('http://db/')).error, undefined);
    for (let renewal = 0; renewal < 5; renewal++) {
      const [serial] = (await serve(web)).serials;
      await until('the renewed SVID is shown', async () => (await afresh('http://db/')).serial === serial);
    }
  });

  it('is not shown to a service of another name', async () => {
    assert.match((await afresh('http://not-db/')).error ?? '', /spiffe:\/\/example\.org\/db/);
  });

  it('calls services of a trust domain for as long as it is federated with it', async () => {
    assert.equal((await afresh('http://far/')).error, undefined);
    await serve({ svids: [{ id: WEB }] });
    await until('the other trust domain is not trusted', async () => (await afresh('http://far/')).error !== undefined);
    assert.match((await afresh('http://far/')).error ?? '', /other\.example/);
    assert.equal((await afresh('http://db/')).error, undefined);
    await serve(web);
    await until('it is again', async () => (await afresh('http://far/')).error === undefined);
  });

  it('ends when the endpoint takes it back, and begins again', async () => {
    await serve({ refuse: PERMISSION_DENIED });
    await until('calls are refused', async () => (await afresh('http://db/')).error !== undefined);
    assert.match(
      (await afresh('http://db/')).error ?? '',
      /secret "(default|ROOTCA)".*no identity is issued to this process/,
    );
    await serve(web);
    await until('calls go out', async () => (await afresh('http://db/')).error === undefined);
  });

  it('stays while the endpoint is away', async () => {
    await agent.kill();
    assert.equal((await afresh('http://db/')).error, undefined);
    assert.equal((await afresh('http://far/')).error, undefined);
  });
});
