import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { type Clock, type SecretBytes, systemClock } from '@inmesh/core';
import type { CertifiedKey } from '../identity.ts';
import { type Asn1, loadAsn1 } from './asn1.ts';
import { type CertificateContent, type Issuer, signedCertificate } from './certificate.ts';
import type { CertificateRequest } from './certificate-request.ts';
import { generateKey, Signer, secretPem } from './keys.ts';
import { commonName } from './names.ts';
import {
  type AuthorityOptions,
  authorityContent,
  DAY_MS,
  type IssueOptions,
  type LeafOptions,
  leafContent,
  SKEW_MS,
} from './options.ts';
import { derBlocks, pemOf } from './pem.ts';
import { signedRevocationList } from './revocation-list.ts';

interface Parts {
  readonly asn1: Asn1;
  readonly clock: Clock;
  readonly key: KeyObject;
  /** PEM, this authority's own certificate. */
  readonly certificate: string;
  /** PEM, from this authority's own certificate up to the last one below the root; empty for the root. */
  readonly chain: string;
  /** PEM. */
  readonly root: string;
}

/**
 * A small certificate authority, for development and tests: it keeps no record of what it issued. Nothing of it runs while
 * calls are made.
 */
export class CertificateAuthority {
  readonly #parts: Parts;
  readonly #issuer: Issuer;

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.#issuer = issuerOf(parts.asn1, parts.key, parts.certificate);
  }

  /** A new root. */
  static async create(options: AuthorityOptions = {}, clock: Clock = systemClock): Promise<CertificateAuthority> {
    const asn1 = await loadAsn1();
    const key = await generateKey(options.keyType ?? 'ecdsa-p256');
    const content = authorityContent(options, key, clock);
    const self = selfIssuer(asn1, key, content);
    const certificate = pemOf('CERTIFICATE', signedCertificate(asn1, content, self));
    return new CertificateAuthority({ asn1, clock, key, certificate, chain: '', root: certificate });
  }

  /**
   * One that was made before: its key, and PEM that begins with its own certificate and ends with the root. Throws where the
   * key is of another certificate.
   */
  static async load(key: SecretBytes, certificates: string, clock: Clock = systemClock): Promise<CertificateAuthority> {
    const blocks = derBlocks(certificates, 'CERTIFICATE').map((der) => pemOf('CERTIFICATE', der));
    const [certificate] = blocks;
    const root = blocks.at(-1);
    if (certificate === undefined || root === undefined) throw new Error('the authority has no certificate');
    const privateKey = createPrivateKey(Buffer.from(key.reveal()));
    const parsed = new X509Certificate(certificate);
    if (!parsed.checkPrivateKey(privateKey))
      throw new Error('the key is not the one of the certificate of the authority');
    if (!parsed.ca) throw new Error('the certificate is not one of an authority: it may not sign others');
    const chain = blocks.slice(0, -1).join('');
    return new CertificateAuthority({ asn1: await loadAsn1(), clock, key: privateKey, certificate, chain, root });
  }

  /** PEM, the root: what others must trust. */
  get root(): string {
    return this.#parts.root;
  }

  /** PEM, this authority's own certificate. */
  get certificate(): string {
    return this.#parts.certificate;
  }

  /** PEM, PKCS #8. */
  get key(): SecretBytes {
    return secretPem(this.#parts.key);
  }

  /** An authority that this one vouches for. */
  async intermediate(options: AuthorityOptions = {}): Promise<CertificateAuthority> {
    const { asn1, clock, root, chain } = this.#parts;
    const key = await generateKey(options.keyType ?? 'ecdsa-p256');
    // A name of its own: the length of paths does not count an authority that is called like the one above it.
    const commonName = `inmesh development CA, intermediate ${derBlocks(chain, 'CERTIFICATE').length + 1}`;
    const content = authorityContent({ commonName, ...options }, key, clock);
    const certificate = pemOf('CERTIFICATE', signedCertificate(asn1, content, this.#issuer));
    return new CertificateAuthority({ asn1, clock, key, certificate, chain: certificate + chain, root });
  }

  /** A new key with its certificate, and the chain up to below the root. */
  async issue(options: IssueOptions = {}): Promise<CertifiedKey> {
    const key = await generateKey(options.keyType ?? 'ecdsa-p256');
    return { ...this.#certify(createPublicKey(key), options), key: secretPem(key) };
  }

  /** PEM: a certificate for the key of a request, and the chain up to below the root. The names are those given here: what a request wishes is for the caller to judge. */
  sign(request: CertificateRequest, options: LeafOptions): string {
    return this.#certify(request.publicKey, options).chain;
  }

  /** PEM: certificates of this authority that are good no more, from now on for a day unless told otherwise. */
  revocationList(
    revoked: readonly string[],
    options: { readonly number?: number; readonly thisUpdate?: number; readonly nextUpdate?: number } = {},
  ): string {
    const { asn1, clock } = this.#parts;
    const thisUpdate = options.thisUpdate ?? clock.wallNow() - SKEW_MS;
    const nextUpdate = options.nextUpdate ?? clock.wallNow() + DAY_MS;
    const content = { revoked, thisUpdate, nextUpdate, number: options.number ?? 1 };
    return pemOf('X509 CRL', signedRevocationList(asn1, content, this.#issuer));
  }

  #certify(publicKey: KeyObject, options: LeafOptions): { readonly chain: string; readonly notAfter: number } {
    const { asn1, clock, chain } = this.#parts;
    const content = leafContent(options, publicKey, clock);
    const leaf = pemOf('CERTIFICATE', signedCertificate(asn1, content, this.#issuer));
    return { chain: leaf + chain, notAfter: content.notAfter };
  }
}

function issuerOf(asn1: Asn1, key: KeyObject, certificate: string): Issuer {
  const { raw, publicKey } = new X509Certificate(certificate);
  // As it is written there: a peer compares names.
  const name = asn1.convert.parse(raw, asn1.x509.Certificate).tbsCertificate.subject;
  return { signer: new Signer(key), publicKey, name };
}

function selfIssuer(asn1: Asn1, key: KeyObject, content: CertificateContent): Issuer {
  return { signer: new Signer(key), publicKey: content.publicKey, name: commonName(asn1, content.commonName) };
}

/** A certificate that nobody else vouches for. */
export async function issueSelfSigned(options: IssueOptions = {}, clock: Clock = systemClock): Promise<CertifiedKey> {
  const asn1 = await loadAsn1();
  const key = await generateKey(options.keyType ?? 'ecdsa-p256');
  const content = leafContent(options, createPublicKey(key), clock);
  const chain = pemOf('CERTIFICATE', signedCertificate(asn1, content, selfIssuer(asn1, key, content)));
  return { chain, key: secretPem(key), notAfter: content.notAfter };
}
