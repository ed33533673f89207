// Certificates that are renewed, or are not, while calls go on.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import type { JsonObject } from '@bufbuild/protobuf';
import { type Clock, systemClock } from '@inmesh/core';
import type { CertifiedKey } from '@inmesh/mtls';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { type Mesh, meshErrorOf } from 'inmesh';
import { pemFiles } from 'inmesh/identity';
import { folderContent, type PemFolder, swappedFolder } from '../../packages/mtls/src/testing/pem-folder.ts';
import { service } from '../support/feed.ts';
import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { type MtlsServer, startMtls } from '../support/mtls-server.ts';
import { Scene, until } from '../support/scene.ts';
import { AGENT, certificateSecret, exactUri, rootsSecret, sdsContext, tlsSocket } from '../support/tls-feed.ts';

const SERVER = 'spiffe://td.example/ns/default/sa/reviews';
const CLIENT = 'spiffe://td.example/ns/default/sa/web';
const URL = 'http://reviews:9080/';
const HOUR_MS = 3_600_000;
const ROTATIONS = 100;
const CALLERS = 30;
/** 60 s of the mesh, within which no call begins on a connection with an old certificate, are two of ours. */
const HURRY = 30;

/** Long enough for a hurried clock. */
const PATIENT = { connect_timeout: '300s' };
const HTTP2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};

describe('certificates that are renewed', function () {
  // A hundred renewals under load take ten seconds on a machine of their own.
  this.timeout(90_000);
  guardProcess();
  let authority: CertificateAuthority;
  let server: MtlsServer;
  let issued = 0;

  before(async () => {
    authority = await CertificateAuthority.create();
  });

  afterEach(() => server.close());

  /** Each ends a second later than the one before, so that its gauge tells which one is in force. */
  function issueNext(): Promise<CertifiedKey> {
    const notAfter = (Math.floor(systemClock.wallNow() / 1000) + 36_000 + issued++) * 1000;
    return authority.issue({ uris: [CLIENT], notAfter });
  }

  async function startServer(protocol: 'http1' | 'http2'): Promise<void> {
    server = await startMtls({ identity: await authority.issue({ uris: [SERVER] }), roots: authority.root, protocol });
  }

  function secured(common: JsonObject, more: JsonObject = {}) {
    const cluster = { transport_socket: tlsSocket(common), ...PATIENT, ...more };
    return service('reviews:9080', [server.port], { cluster, route: { timeout: '0s' } });
  }

  function inForce(mesh: Mesh, { notAfter }: CertifiedKey, name: string): boolean {
    const gauge = `cluster.reviews:9080.ssl.certificate.${name}.expiration_unix_time_seconds`;
    return mesh.statistics().certificates[gauge] === notAfter / 1000;
  }

  /** Renews on and on under concurrent calls; then waits for the last connection with an old certificate to go. */
  async function renewUnderLoad(mesh: Mesh, renew: () => Promise<CertifiedKey>, name: string): Promise<void> {
    const load = new Load(mesh, CALLERS);
    let last: CertifiedKey | null = null;
    for (let round = 0; round < ROTATIONS; round++) {
      const renewed = await renew();
      await until(() => inForce(mesh, renewed, name), `the certificate of round ${round} is in force`);
      await load.more(10);
      last = renewed;
    }
    const newest = serialOf(last!);
    await until(
      () => server.open.size > 0 && [...server.open.values()].every((serial) => serial === newest),
      'all connections are made with the last certificate',
    );
    const { failures, serials } = await load.stop();
    assert.deepEqual(failures, []);
    assert.ok(serials.has(newest));
    assert.ok(serials.size > 2, `calls went out with ${serials.size} certificates`);
  }

  for (const protocol of ['http1', 'http2'] as const) {
    it(`by SDS over ADS, over ${protocol}: no call fails, and old connections go`, async () => {
      await startServer(protocol);
      const more = protocol === 'http2' ? HTTP2 : {};
      const fixed = [...secured(sdsContext(SERVER), more), rootsSecret('ROOTCA', authority.root)];
      await using scene = await Scene.start([...fixed, certificateSecret('default', await issueNext())]);
      const mesh = await scene.mesh({ clock: hurriedClock(HURRY) });
      await renewUnderLoad(
        mesh,
        async () => {
          const next = await issueNext();
          scene.plane.update([...fixed, certificateSecret('default', next)]);
          return next;
        },
        'default',
      );
      assert.deepEqual(scene.warnings, []);
    });
  }

  it('in files, by the link that Kubernetes swaps: no call fails, and old connections go', async () => {
    await startServer('http1');
    const folder = swappedFolder();
    try {
      folder.write(folderContent(await issueNext(), authority.root));
      await using scene = await Scene.start(secured(fileContext(folder)));
      const mesh = await scene.mesh({ clock: hurriedClock(HURRY) });
      await renewUnderLoad(
        mesh,
        async () => {
          const next = await issueNext();
          folder.write(folderContent(next, authority.root));
          return next;
        },
        'unnamed_cert_e3b0c442',
      );
      assert.deepEqual(scene.warnings, []);
    } finally {
      folder.remove();
    }
  });

  it('in files that createMesh is given in the place of an agent: the next calls go out with the new one', async () => {
    await startServer('http1');
    const folder = swappedFolder();
    try {
      const { certFile, keyFile, caFile } = folder;
      const first = await issueNext();
      folder.write(folderContent(first, authority.root));
      await using scene = await Scene.start(secured(sdsContext(SERVER, undefined, AGENT)));
      const mesh = await scene.mesh({ identity: pemFiles({ certFile, keyFile, caFile }) });
      assert.equal(await (await mesh.fetch(URL)).text(), serialOf(first));
      const second = await issueNext();
      folder.write(folderContent(second, authority.root));
      await until(() => inForce(mesh, second, 'default'), 'the second certificate is in force');
      server.hangUp();
      await until(() => server.open.size === 0, 'the connections are gone');
      assert.equal(await (await mesh.fetch(URL)).text(), serialOf(second));
    } finally {
      folder.remove();
    }
  });

  it('and are not: a gauge tells of it ahead, then calls are refused by the name of the certificate', async () => {
    await startServer('http1');
    let ahead = 0;
    const clock: Clock = { ...systemClock, wallNow: () => systemClock.wallNow() + ahead };
    const own = await issueNext();
    const fixed = [...secured(sdsContext(SERVER)), rootsSecret('ROOTCA', authority.root)];
    await using scene = await Scene.start([...fixed, certificateSecret('default', own)]);
    const mesh = await scene.mesh({ clock });
    assert.equal((await mesh.fetch(URL)).status, 200);
    const days = () => mesh.statistics().certificates['server.days_until_first_cert_expiring'];
    ahead = own.notAfter - systemClock.wallNow() - HOUR_MS;
    assert.equal(days(), 0);
    assert.equal((await mesh.fetch(URL)).status, 200);

    ahead += 2 * HOUR_MS;
    server.hangUp();
    await until(() => server.open.size === 0, 'the connections are gone');
    const refused = await mesh.fetch(URL);
    assert.equal(refused.status, 503);
    const error = meshErrorOf(refused);
    assert.equal(error?.flag, 'UF');
    assert.match(inspect(error, { depth: 5 }), /the certificate of secret "default" expired at .*: renew it/);

    const next = await authority.issue({ uris: [CLIENT], notAfter: clock.wallNow() + HOUR_MS });
    scene.plane.update([...fixed, certificateSecret('default', next)]);
    await until(() => inForce(mesh, next, 'default'), 'the next certificate is in force');
    assert.equal((await mesh.fetch(URL)).status, 200);
  });

  it('keep their keys to themselves: nothing that is shown, told or stored has any of them', async () => {
    await startServer('http1');
    const own = await issueNext();
    const spoiled = await issueNext();
    const fixed = [...secured(sdsContext(SERVER)), rootsSecret('ROOTCA', authority.root)];
    const stateDirectory = await mkdtemp(join(tmpdir(), 'inmesh-state-'));
    try {
      await using scene = await Scene.start([...fixed, certificateSecret('default', own)]);
      const mesh = await scene.mesh({ stateDirectory });
      assert.equal(await (await mesh.fetch(URL)).text(), serialOf(own));
      scene.plane.update([...fixed, certificateSecret('default', { ...own, key: spoiled.key })]);
      await until(() => scene.warnings.length > 0, 'the bad certificate is told of');
      assert.match(
        scene.warnings[0]!.message,
        /was refused: Secret "default": tls_certificate: the private key is not that of the certificate/,
      );
      const explained = await mesh.explain(URL);
      const seen = [mesh, explained, mesh.feed(), mesh.statistics(), mesh.clientStatus(), scene.warnings];
      const texts = [
        inspect(seen, { depth: 30, showHidden: true, maxStringLength: null, maxArrayLength: null }),
        JSON.stringify([explained, mesh.feed(), mesh.statistics(), mesh.clientStatus()]),
        ...filesIn(stateDirectory),
      ];
      for (const { key } of [own, spoiled]) {
        const pem = Buffer.from(key.reveal()).toString();
        const line = pem.split('\n')[1]!;
        for (const text of texts) {
          assert.equal(text.includes(line), false, 'a key can be seen');
          assert.equal(text.includes(Buffer.from(pem).toString('base64').slice(0, 80)), false, 'a key can be seen');
        }
      }
    } finally {
      rmSync(stateDirectory, { recursive: true });
    }
  });
});

function fileContext({ certFile, keyFile, caFile, path }: PemFolder): JsonObject {
  const watched_directory = { path };
  return {
    tls_certificates: [
      { certificate_chain: { filename: certFile }, private_key: { filename: keyFile }, watched_directory },
    ],
    validation_context: {
      trusted_ca: { filename: caFile },
      watched_directory,
      match_typed_subject_alt_names: [exactUri(SERVER)],
    },
  };
}

function serialOf({ chain }: CertifiedKey): string {
  return new X509Certificate(chain).serialNumber;
}

function filesIn(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
}

/** Callers that call one after the other until they are stopped. */
class Load {
  readonly #mesh: Mesh;
  readonly #done: Promise<unknown>;
  readonly #failures: string[] = [];
  readonly #serials = new Set<string>();
  #calls = 0;
  #stopped = false;

  constructor(mesh: Mesh, callers: number) {
    this.#mesh = mesh;
    this.#done = Promise.all(Array.from({ length: callers }, () => this.#call()));
  }

  /** Until so many more calls are done. */
  more(calls: number): Promise<void> {
    const enough = this.#calls + calls;
    return until(() => this.#calls >= enough, `${calls} more calls`);
  }

  async stop(): Promise<{ readonly failures: readonly string[]; readonly serials: ReadonlySet<string> }> {
    this.#stopped = true;
    await this.#done;
    return { failures: this.#failures, serials: this.#serials };
  }

  async #call(): Promise<void> {
    while (!this.#stopped) {
      try {
        const response = await this.#mesh.fetch(URL);
        const text = await response.text();
        if (response.status === 200) this.#serials.add(text);
        else this.#failures.push(`${response.status} ${meshErrorOf(response)}`);
      } catch (error) {
        this.#failures.push(String(error));
      }
      this.#calls++;
    }
  }
}
