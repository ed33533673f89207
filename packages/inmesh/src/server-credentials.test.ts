import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StreamStatus, SubjectAltNameMatcher } from '@inmesh/core';
import { type GrpcServer, grpcChannel, grpcServer } from '@inmesh/transports/rpc';
import type { TlsServerCredentials, XdsServer } from '@inmesh/xds';
import { callCredentials, serverTls } from './server-credentials.ts';

const fixture = (name: string): string => join(import.meta.dirname, '../test-fixtures/tls', name);
const path = '/test.Service/Method';

/** A control plane over TLS, dialled by its address: what its certificate must say is not where it is. */
describe('credentials of a control plane', () => {
  let server: GrpcServer;
  let folder: string;
  let target: string;
  const told: Error[] = [];

  before(async () => {
    server = grpcServer({
      services: {
        [path]: (stream) => {
          stream.end({ code: 0, message: `seen ${stream.metadata.authorization ?? 'nobody'}` });
          return { onMessage: () => {}, onEnd: () => {} };
        },
      },
      tls: { cert: readFileSync(fixture('server.pem'), 'utf8'), key: readFileSync(fixture('server.key'), 'utf8') },
    });
    target = await server.listen({ port: 0 });
    folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  });
  after(async () => {
    await server.destroy();
    rmSync(folder, { recursive: true });
  });
  afterEach(() => told.splice(0));

  const plane = (credentials: Partial<TlsServerCredentials>, more: Partial<XdsServer> = {}): XdsServer => ({
    uri: target,
    credentials: { kind: 'tls', caFile: fixture('ca.pem'), ...credentials },
    features: [],
    initialMetadata: [],
    keepalive: { intervalMs: 0, timeoutMs: 20_000 },
    delta: false,
    callCredentials: [],
    ...more,
  });
  const tell = (error: Error) => told.push(error);

  /** How a stream ends: OK with what the server saw, or the reason why there was none. */
  async function dial(of: XdsServer, tls = serverTls(of, tell)): Promise<StreamStatus> {
    const channel = grpcChannel({ target, tls });
    try {
      return await new Promise((resolve) => {
        channel.open(path, callCredentials(of, tell), { onMessage: () => {}, onEnd: resolve });
      });
    } finally {
      channel.close();
    }
  }

  const matchers: [string, Partial<SubjectAltNameMatcher>, boolean][] = [
    ['exact', { match: 'exact', value: 'istiod.istio-system.svc' }, true],
    ['exact, another', { match: 'exact', value: 'istiod.other.svc' }, false],
    ['a wildcard of the certificate', { match: 'exact', value: 'a.wild.example' }, true],
    ['prefix', { match: 'prefix', value: 'spiffe://cluster.local/' }, true],
    ['prefix, of DNS', { match: 'prefix', value: 'spiffe://cluster.local/', sanType: 'dns' }, false],
    ['suffix', { match: 'suffix', value: '/sa/istiod', sanType: 'uri' }, true],
    ['contains', { match: 'contains', value: 'ISTIO-SYSTEM', ignoreCase: true }, true],
    ['an expression', { match: 'safe_regex', value: 'spiffe://[^/]+/ns/istio-system/sa/[a-z]+' }, true],
    ['an expression of a part', { match: 'safe_regex', value: 'istio-system' }, false],
  ];
  for (const [title, matcher, good] of matchers) {
    it(`names: ${title}: ${good ? 'connected' : 'refused'}`, async () => {
      const whole = { sanType: null, match: 'exact', value: '', ignoreCase: false, oid: '', ...matcher } as const;
      const { code, message } = await dial(plane({ subjectAltNames: [whole] }));
      if (good) assert.deepEqual([code, message], [0, 'seen nobody']);
      else assert.match(message, /no name of the server's certificate \(dns istiod.*\) is one that is asked for/);
    });
  }

  it('names: without a matcher, the name that is dialled, or the one given', async () => {
    assert.match((await dial(plane({}))).message, /127\.0\.0\.1 is not in the cert's list|altnames/i);
    assert.equal((await dial(plane({ serverName: 'istiod.istio-system.svc' }))).code, 0);
  });

  it('a good name of a stranger’s certificate is none', async () => {
    const whole = { sanType: null, match: 'suffix', value: '', ignoreCase: false, oid: '' } as const;
    const { code, message } = await dial(plane({ caFile: fixture('other-ca.pem'), subjectAltNames: [whole] }));
    assert.notEqual(code, 0);
    assert.doesNotMatch(message, /is one that is asked for/);
  });

  it('files are read for each connection; what cannot be used leaves the last good ones in force', async () => {
    const caFile = join(folder, 'ca.pem');
    const write = (name: string) => writeFileSync(caFile, readFileSync(fixture(name)));
    write('other-ca.pem');
    const of = plane({ caFile, serverName: 'istiod.istio-system.svc' });
    const tls = serverTls(of, tell);
    assert.notEqual((await dial(of, tls)).code, 0);
    write('ca.pem');
    assert.equal((await dial(of, tls)).code, 0);
    rmSync(caFile);
    assert.equal((await dial(of, tls)).code, 0);
    assert.match(told.map(({ message }) => message).join(), /ca_certificate_file: cannot read/);
  });

  it('what cannot be used at first is told at once', () => {
    assert.throws(() => serverTls(plane({ caFile: join(folder, 'nobody.pem') }), tell), /cannot read/);
    const halves = { certFile: fixture('ca.pem'), keyFile: fixture('server.key') };
    assert.throws(() => serverTls(plane(halves), tell), /certificates for .* cannot be used/);
  });

  it('a token is read for each stream, and never sent in the clear', async () => {
    const file = join(folder, 'token');
    const of = plane(
      { serverName: 'istiod.istio-system.svc' },
      { callCredentials: [{ type: 'unknown' }, { type: 'jwt_token_file', config: { jwt_token_file: file } }] },
    );
    writeFileSync(file, 'first\n');
    assert.equal((await dial(of)).message, 'seen Bearer first');
    writeFileSync(file, 'second');
    assert.equal((await dial(of)).message, 'seen Bearer second');
    rmSync(file);
    assert.equal((await dial(of)).message, 'seen nobody');
    assert.match(told[0]?.message ?? '', /call credentials jwt_token_file: .*token cannot be used/);
    writeFileSync(file, 'third');
    assert.deepEqual(callCredentials({ ...of, credentials: { kind: 'insecure' } }, tell), {});
  });

  it('Google’s default credentials sign a token; what they cannot sign goes without', () => {
    const file = join(folder, 'adc.json');
    writeFileSync(file, '{"type":"authorized_user"}');
    const of = plane({}, { callCredentials: [{ type: 'google_default', config: { credentials_file: file } }] });
    assert.deepEqual(callCredentials(of, tell), {});
    assert.match(told[0]?.message ?? '', /google_default: .*authorized_user; only the key of a service account/);
  });
});
