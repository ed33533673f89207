import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { IstioCertificateRequest, IstioCertificateResponse } from '@inmesh/api/gen/security/v1alpha1/ca_pb';
import { VirtualClock } from '@inmesh/core';
import { CertificateAuthority, readCertificateRequest } from '../ca/index.ts';
import { FakeRpc, type FakeRpcStream } from '../testing/fake-rpc.ts';
import { IdentityRecorder } from '../testing/identity-recorder.ts';
import { IstioCa, type IstioCaParts } from './istio-ca.ts';
import { HALF_LIFE } from './renewal.ts';

const ID = 'spiffe://td.example/ns/a/sa/b';
const HOUR_MS = 3_600_000;

describe('IstioCa', () => {
  let root: CertificateAuthority;
  let authority: CertificateAuthority;
  let clock: VirtualClock;
  let rpc: FakeRpc;
  let recorder: IdentityRecorder;
  let token: string | null;

  const open = (parts: Partial<IstioCaParts> = {}): (() => void) =>
    recorder.watching(
      new IstioCa({
        transport: rpc,
        address: 'istiod:15012',
        spiffeId: ID,
        metadata: () => {
          if (token === null) throw new Error('tokenFile: it is not there');
          return { authorization: `Bearer ${token}` };
        },
        keyType: 'ecdsa-p256',
        ttlSeconds: 24 * 3600,
        renewal: HALF_LIFE,
        certSigner: '',
        moreRoots: null,
        clock,
        random: () => 0.5,
        onError: (error) => assert.fail(error),
        ...parts,
      }),
    );
  const asked = async (count: number): Promise<FakeRpcStream> => {
    await recorder.until(`request ${count}`, () => rpc.streams.length === count);
    return rpc.last;
  };
  const requestIn = ({ sent }: FakeRpcStream): IstioCertificateRequest =>
    fromBinary(messageType<IstioCertificateRequest>('istio.v1.auth.IstioCertificateRequest'), sent[0]!);
  const answer = ({ handlers }: FakeRpcStream, certChain: readonly string[]): void => {
    const type = messageType<IstioCertificateResponse>('istio.v1.auth.IstioCertificateResponse');
    handlers.onMessage(toBinary(type, create(type, { certChain: [...certChain] })));
    handlers.onEnd({ code: 0, message: '' });
  };
  const sign = async (stream: FakeRpcStream, by = authority): Promise<void> => {
    const { validityDuration, csr } = requestIn(stream);
    const notBefore = clock.wallNow();
    const notAfter = notBefore + Number(validityDuration) * 1000;
    const chain = await by.sign(await readCertificateRequest(csr), { uris: [ID], notBefore, notAfter });
    answer(stream, [chain, by.root]);
  };

  before(async () => {
    root = await CertificateAuthority.create();
    authority = await root.intermediate();
  });

  beforeEach(() => {
    // Whole seconds, as certificates have them.
    clock = new VirtualClock(Math.ceil(Date.now() / 1000) * 1000);
    rpc = new FakeRpc();
    recorder = new IdentityRecorder();
    token = 'token-1';
  });

  it('asks for the name, with a token that is read anew each time', async () => {
    const unwatch = open({ certSigner: 'signers.example/one' });
    const first = await asked(1);
    assert.equal(first.path, '/istio.v1.auth.IstioCertificateService/CreateCertificate');
    assert.equal(first.metadata.authorization, 'Bearer token-1');
    const { csr, validityDuration, metadata } = requestIn(first);
    assert.deepEqual((await readCertificateRequest(csr)).names.uris, [ID]);
    assert.equal(validityDuration, 86_400n);
    assert.deepEqual(metadata, { CertSigner: 'signers.example/one' });
    token = 'token-2';
    first.handlers.onEnd({ code: 16, message: 'request authenticate failure' });
    await recorder.until('an error', () => recorder.count('resourceError') === 1);
    clock.advance(1_000);
    assert.equal((await asked(2)).metadata.authorization, 'Bearer token-2');
    unwatch();
  });

  it('renews at half life, by chance a hundredth of it earlier or later', async () => {
    for (const [chance, part] of [
      [0, 0.51],
      [0.5, 0.5],
      [1, 0.49],
    ] as const) {
      rpc = new FakeRpc();
      const unwatch = open({ random: () => chance });
      await recorder.next(async () => sign(await asked(1)));
      clock.advance(part * 24 * HOUR_MS - 1);
      assert.equal(rpc.streams.length, 1);
      clock.advance(1);
      const before = recorder.identity?.certificate;
      await recorder.next(async () => sign(await asked(2)));
      assert.notEqual(recorder.identity?.certificate?.chain, before?.chain);
      assert.notDeepEqual(recorder.identity?.certificate?.key.reveal(), before?.key.reveal());
      unwatch();
      assert.equal(clock.pending, 0);
    }
  });

  it('keeps the root to itself, and what leads to it in the chain', async () => {
    const unwatch = open();
    await recorder.next(async () => sign(await asked(1)));
    const { certificate, trust } = recorder.identity!;
    assert.ok(certificate?.chain.endsWith(authority.certificate));
    assert.ok(!certificate?.chain.includes(root.root));
    assert.deepEqual(trust, { roots: root.root, byTrustDomain: null, crl: '' });
    unwatch();
  });

  it('keeps the last certificate while the CA does not answer, and asks again after longer and longer waits', async () => {
    const unwatch = open();
    await recorder.next(async () => sign(await asked(1)));
    clock.advance(12 * HOUR_MS);
    for (const [index, wait] of [1_000, 1_600, 2_560].entries()) {
      (await asked(2 + index)).handlers.onEnd({ code: 14, message: 'away' });
      await recorder.until('trouble', () => recorder.count('ambientError') === index + 1);
      clock.advance(wait - 1);
      assert.equal(rpc.streams.length, 2 + index);
      clock.advance(1);
    }
    const last = recorder.news.at(-1);
    assert.ok(last?.kind === 'ambientError');
    assert.match(last.error.message, /no certificate: away \(status 14\) \(resource Istio CA istiod:15012\)/);
    await recorder.next(async () => sign(await asked(5)));
    unwatch();
  });

  it('refuses an answer of which no use can be made', async () => {
    const other = await root.issue({ uris: [ID] });
    const unwatch = open();
    for (const [index, [chain, text]] of (
      [
        [[], /it takes a leaf and a root/],
        [[other.chain], /answered with 1 certificate/],
        [[other.chain, root.root], /the key in the request is not the one of the certificate in the answer/],
      ] as const
    ).entries()) {
      answer(await asked(index + 1), chain);
      await recorder.until('an error', () => recorder.count('resourceError') === index + 1);
      const last = recorder.news.at(-1);
      assert.ok(last?.kind === 'resourceError');
      assert.match(last.error.message, text);
      clock.advance(5_000);
    }
    unwatch();
  });

  it('refuses a certificate whose time is over', async () => {
    const unwatch = open({ ttlSeconds: 10 });
    const stream = await asked(1);
    const { csr } = requestIn(stream);
    const now = clock.wallNow();
    const chain = await authority.sign(await readCertificateRequest(csr), {
      uris: [ID],
      notBefore: now - 2 * HOUR_MS,
      notAfter: now - HOUR_MS,
    });
    answer(stream, [chain, root.root]);
    await recorder.until('an error', () => recorder.count('resourceError') === 1);
    unwatch();
  });

  it('goes by the clock on the wall: a machine that slept renews when it wakes', async () => {
    const unwatch = open();
    await recorder.next(async () => sign(await asked(1)));
    // Ten minutes of a running machine, and thirteen hours on the wall.
    const { wallNow } = clock;
    clock.wallNow = () => wallNow.call(clock) + 13 * HOUR_MS;
    clock.advance(600_000);
    await asked(2);
    unwatch();
  });

  it('is whole before it is told: roots that are in a file are waited for', async () => {
    let tell: ((roots: string) => void) | null = null;
    const unwatch = open({
      moreRoots: {
        watch: (watcher) => {
          tell = (roots) => watcher.changed({ certificate: null, trust: { roots, byTrustDomain: null, crl: '' } });
          return () => {};
        },
      },
    });
    await sign(await asked(1));
    await recorder.until('the renewal is set', () => clock.pending > 0);
    assert.equal(recorder.count('changed'), 0);
    const other = await CertificateAuthority.create();
    (tell as ((roots: string) => void) | null)?.(root.root + other.root);
    assert.equal(recorder.identity?.trust?.roots, root.root + other.root);
    unwatch();
  });

  it('gives up a request that nobody waits for', async () => {
    const unwatch = open();
    const stream = await asked(1);
    unwatch();
    assert.equal(stream.closed, true);
    assert.equal(clock.pending, 0);
  });
});
