import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ConsulConnectCaOptions, consulConnectCa, type IdentityProvider } from 'inmesh/identity';
import {
  identityProviderSuite,
  type ProviderScene,
} from '../../../packages/mtls/src/testing/identity-provider-suite.ts';
import { HeardIdentity } from '../support/heard-identity.ts';
import { Holdings } from '../support/holdings.ts';
import { describeWithPeers } from '../support/peers.ts';
import { portOf } from '../support/ports.ts';
import { until } from '../support/until.ts';
import { ConsulAgent } from './consul-agent.ts';

const TOKEN = '5f3f9a5e-7f7d-4bb2-a0c5-9d5bd4ef1a11';
const services = [{ name: 'web', port: 18090, connect: { sidecar_service: { port: 21090 } } }];

/** A way to an agent that can be cut. */
class Way {
  open = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => {
    if (!this.open) {
      near.destroy();
      return;
    }
    const far = connect(Number(new URL(this.#target).port), '127.0.0.1');
    for (const socket of [near, far]) this.#sockets.add(socket);
    pipeline(near, far, near).catch(() => {});
  });
  readonly #target: string;

  constructor(target: string) {
    this.#target = target;
  }

  async listen(at: number | string): Promise<number> {
    if (typeof at === 'number') await once(this.#server.listen(at, '127.0.0.1'), 'listening');
    else await once(this.#server.listen(at), 'listening');
    return typeof at === 'number' ? portOf(this.#server) : 0;
  }

  cut(): void {
    this.open = false;
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

/** Consul's CA gives the identity of a service to who asks the agent, and to nobody else where there are ACLs. */
describeWithPeers(['consul'], 'Consul’s CA', () => {
  let consul: ConsulAgent;
  let uri: string;
  const heard: HeardIdentity[] = [];
  const warnings: Error[] = [];

  const provider = (options: Partial<ConsulConnectCaOptions> = {}): IdentityProvider =>
    consulConnectCa({
      service: 'web',
      address: consul.address,
      env: {},
      onWarning: (warning) => warnings.push(warning),
      ...options,
    });
  const hear = (options?: Partial<ConsulConnectCaOptions>): HeardIdentity => {
    const each = new HeardIdentity(provider(options));
    heard.push(each);
    return each;
  };

  before(async () => {
    consul = await ConsulAgent.start(services);
    uri = `spiffe://${await consul.trustDomain()}/ns/default/dc/dc1/svc/web`;
  });

  after(async () => consul?.stop());

  afterEach(() => {
    for (const each of heard.splice(0)) each.unwatch();
    assert.deepEqual(warnings.splice(0), []);
  });

  identityProviderSuite('Consul’s CA', async (): Promise<ProviderScene> => {
    const way = new Way(consul.address);
    const address = `http://127.0.0.1:${await way.listen(0)}`;
    const holdings = new Holdings();
    return {
      provider: provider({ address, clock: holdings.clock, onWarning: () => {} }),
      place: address,
      uri,
      serve: async () => {
        await consul.rotateCa();
        way.open = true;
      },
      spoil: async () => way.cut(),
      held: () => holdings.count,
      close: async () => way.close(),
    };
  });

  it('follows the root that is new beside the old one, and the leaf', async () => {
    const web = hear();
    await web.hears(/changed/);
    assert.equal(web.leaf?.subjectAltName, `URI:${uri}`);
    const old = web.leaf?.serialNumber;
    const roots = web.current?.trust?.roots ?? '';
    await consul.rotateCa();
    await until('the leaf is of the new root', () => web.leaf?.serialNumber !== old, { within: 50_000 });
    const all = web.current?.trust?.roots ?? '';
    const bare = (pem: string) =>
      (pem.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g) ?? []).map((each) => each.trim());
    for (const root of bare(roots))
      assert.ok(bare(all).includes(root), 'who still has a leaf of the old root is trusted');
    assert.equal(bare(all).length, bare(roots).length + 1);
    const chain = bare(web.current?.certificate?.chain ?? '').map((pem) => new X509Certificate(pem));
    const oldRoots = bare(roots).map((pem) => new X509Certificate(pem));
    assert.ok(
      chain.some((each) => oldRoots.some((root) => each.verify(root.publicKey))),
      'who knows the old root only can still check us: the new one is signed across',
    );
  });

  it('is asked over a unix socket, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-consul-ca-'));
    const way = new Way(consul.address);
    way.open = true;
    await way.listen(join(folder, 'http.sock'));
    await hear({ address: `unix://${join(folder, 'http.sock')}` }).hears(/changed/);
    way.close();
    await rm(folder, { recursive: true });
  });

  it('takes the address that Consul’s own tools take', async () => {
    const { host } = new URL(consul.address);
    const web = new HeardIdentity(consulConnectCa({ service: 'web', env: { CONSUL_HTTP_ADDR: host } }));
    heard.push(web);
    await web.hears(/changed/);
  });

  it('refuses options of no use', () => {
    assert.throws(() => provider({ service: '' }), { code: 'invalid_config' });
    assert.throws(() => provider({ address: 'ftp://a' }), /address "ftp:\/\/a" cannot be used/);
  });
});

describeWithPeers(['consul'], 'Consul’s CA with ACLs', () => {
  let consul: ConsulAgent;

  before(async () => {
    consul = await ConsulAgent.start(services, {
      acl: { enabled: true, default_policy: 'deny', tokens: { initial_management: TOKEN, agent: TOKEN } },
    });
  });

  after(async () => consul?.stop());

  it('gives nothing without a token, and reads it anew from its file', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'inmesh-consul-ca-'));
    const tokenFile = join(folder, 'token');
    await writeFile(tokenFile, '');
    const web = new HeardIdentity(consulConnectCa({ service: 'web', address: consul.address, tokenFile, env: {} }));
    assert.match(await web.hears(/lost/), /leaf\/web: status 403: .*lacks permission.*Consul http/);
    await writeFile(tokenFile, `${TOKEN}\n`);
    await web.hears(/changed/);
    web.unwatch();
    await rm(folder, { recursive: true });
  });
});
