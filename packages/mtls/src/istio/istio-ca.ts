import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { IstioCertificateRequest, IstioCertificateResponse } from '@inmesh/api/gen/security/v1alpha1/ca_pb';
import {
  Backoff,
  type Clock,
  type Random,
  type RpcTransport,
  type Timer,
  type Unwatch,
  type Watcher,
} from '@inmesh/core';
import { generateKey, type KeyType, makeCertificateRequest, secretPem } from '../ca/index.ts';
import type { Identity, IdentityProvider } from '../identity.ts';
import { identityError } from '../identity-error.ts';
import { callRpc } from '../rpc/call.ts';
import { sameIdentity } from '../same-identity.ts';
import { type Teller, WatchedSource } from '../watched-source.ts';
import { type RenewalTimes, renewalTime, setWallTimer } from './renewal.ts';
import { readSignedCertificate, type SignedCertificate } from './signed-certificate.ts';

export interface IstioCaParts {
  /** To the CA. Nothing is left open on it between two requests. */
  readonly transport: RpcTransport;
  /** For errors. */
  readonly address: string;
  /** What the certificate is asked for; istiod goes by the token instead. */
  readonly spiffeId: string;
  /** Headers of a request, read anew for each, because tokens expire. May throw. */
  readonly metadata: () => Readonly<Record<string, string>>;
  readonly keyType: KeyType;
  /** Seconds. The CA may give less. */
  readonly ttlSeconds: number;
  readonly renewal: RenewalTimes;
  /** Which signer of the CA signs; empty for its own. (metadata `CertSigner`) */
  readonly certSigner: string;
  /** Further roots of the mesh, such as those that are to come; null for none beside that of the CA's answer. */
  readonly moreRoots: IdentityProvider | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

const METHOD = '/istio.v1.auth.IstioCertificateService/CreateCertificate';
/** Milliseconds: istiod's own signing takes some, another signer's may take seconds. */
const TIMEOUT_MS = 20_000;
/** The certificate in force is good for long when it is renewed; one that starts should not wait for long. */
const BACKOFF = { baseMs: 1_000, maxMs: 30_000 };

/**
 * An identity from Istio's CA, istiod's or another one behind the same service: a key pair of our own, which never leaves this process, and a
 * certificate that is renewed at half its life. What was in force stays so while the CA cannot be asked.
 */
export class IstioCa implements IdentityProvider {
  readonly #identity: WatchedSource<Identity>;

  constructor(parts: IstioCaParts) {
    this.#identity = new WatchedSource(
      (teller) => {
        const run = new Run(parts, teller);
        return () => run.end();
      },
      sameIdentity,
      parts.onError,
    );
  }

  watch(watcher: Watcher<Identity>): Unwatch {
    return this.#identity.watch(watcher);
  }
}

/** From the first watcher to the last. */
class Run {
  readonly #parts: IstioCaParts;
  readonly #teller: Teller<Identity>;
  readonly #backoff: Backoff;
  readonly #ended = new AbortController();
  readonly #unwatchRoots: Unwatch;
  #moreRoots: string | null = null;
  #signed: SignedCertificate | null = null;
  #timer: Timer | null = null;

  constructor(parts: IstioCaParts, teller: Teller<Identity>) {
    this.#parts = parts;
    this.#teller = teller;
    this.#backoff = new Backoff(parts.random, BACKOFF);
    if (parts.moreRoots === null) {
      this.#moreRoots = '';
      this.#unwatchRoots = () => {};
    } else {
      this.#unwatchRoots = parts.moreRoots.watch({
        changed: ({ trust }) => this.#rootsChanged(trust?.roots ?? ''),
        resourceError: (error) => teller.failed(error),
        ambientError: (error) => teller.failed(error),
        recovered: () => this.#tell(),
      });
    }
    void this.#ask();
  }

  end(): void {
    this.#ended.abort();
    this.#timer?.cancel();
    this.#unwatchRoots();
  }

  async #ask(): Promise<void> {
    const { clock, random, renewal, address } = this.#parts;
    try {
      const signed = await this.#sign();
      if (this.#ended.signal.aborted) return;
      this.#signed = signed;
      this.#backoff.reset();
      this.#tell();
      const { notAfter } = signed.certificate;
      const at = renewalTime(clock.wallNow(), notAfter, renewal, random);
      this.#timer = setWallTimer(clock, at, () => void this.#ask());
    } catch (cause) {
      if (this.#ended.signal.aborted) return;
      this.#timer = clock.setTimer(this.#backoff.next(), () => void this.#ask(), { unref: true });
      this.#teller.failed(identityError(`Istio CA ${address}`, `no certificate: ${(cause as Error).message}`, cause));
    }
  }

  async #sign(): Promise<SignedCertificate> {
    const { transport, metadata, spiffeId, keyType, ttlSeconds, certSigner, clock } = this.#parts;
    const { signal } = this.#ended;
    const headers = metadata();
    const key = await generateKey(keyType);
    const csr = await makeCertificateRequest(key, { uris: [spiffeId] });
    const type = messageType<IstioCertificateRequest>('istio.v1.auth.IstioCertificateRequest');
    const request = create(type, {
      csr,
      validityDuration: BigInt(ttlSeconds),
      ...(certSigner !== '' && { metadata: { CertSigner: certSigner } }),
    });
    const answer = await callRpc({
      transport,
      path: METHOD,
      metadata: headers,
      request: toBinary(type, request),
      timeoutMs: TIMEOUT_MS,
      clock,
      signal,
    });
    const response = messageType<IstioCertificateResponse>('istio.v1.auth.IstioCertificateResponse');
    return readSignedCertificate(fromBinary(response, answer).certChain, secretPem(key), clock.wallNow());
  }

  #rootsChanged(roots: string): void {
    this.#moreRoots = roots;
    this.#tell();
  }

  /** Whole or not at all: the roots in a file are part of it. */
  #tell(): void {
    const signed = this.#signed;
    if (signed === null || this.#moreRoots === null) return;
    this.#teller.changed({
      certificate: signed.certificate,
      trust: { roots: merged(signed.root, this.#moreRoots), byTrustDomain: null, crl: '' },
    });
  }
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g;

/** Each root once. */
function merged(root: string, more: string): string {
  const all = new Map<string, string>();
  for (const block of `${root}${more}`.match(CERTIFICATE) ?? []) {
    const bare = block.replaceAll(/\s/g, '');
    if (!all.has(bare)) all.set(bare, block.endsWith('\n') ? block : `${block}\n`);
  }
  return [...all.values()].join('');
}
