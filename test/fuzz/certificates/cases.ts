import { type Random, systemClock } from '@inmesh/core';
import type { TlsMaterial } from '@inmesh/mtls';
import { CertificateAuthority, derBlocks, pemOf } from '@inmesh/mtls/ca';
import { makeMaterial } from '../../../packages/mtls/src/material/build-material.ts';
import { exactName, partsOf, verdictOn } from '../../../packages/mtls/src/testing/material.ts';
import { type Certificate, readCertificate } from '../../../packages/mtls/src/x509/certificate.ts';
import { DerError, DerNode } from '../../../packages/mtls/src/x509/der.ts';
import { judgePath, type PathRules } from '../../../packages/mtls/src/x509/path.ts';
import { type RevocationList, readRevocationList } from '../../../packages/mtls/src/x509/revocation-list.ts';
import { below, damage, pick } from '../mutations.ts';
import { disagreement } from './openssl-reading.ts';
import { damageWithin, leafOf, MadAuthority, toBeSigned, withStrangeNames } from './signed.ts';

export const WANTED = 'spiffe://td.example/ns/a/sa/b';

export interface Outcomes {
  /** Not even read. */
  unread: number;
  /** Read, and not believed. */
  refused: number;
  /** Believed: what an authority did sign, and OpenSSL reads in the same way. */
  believed: number;
  handshakes: number;
  /** Of those, where the server was spoken to. */
  spokenTo: number;
}

/** Certificates, lists and bytes that a peer or a file could hold; each case throws where something is believed that must not be. */
export class CertificateCases {
  readonly outcomes: Outcomes = { unread: 0, refused: 0, believed: 0, handshakes: 0, spokenTo: 0 };
  readonly #random: Random;
  readonly #root: Certificate;
  readonly #mad: MadAuthority;
  readonly #leaves: readonly Buffer[];
  readonly #revoked: Certificate;
  readonly #list: Buffer;
  readonly #key: string;
  readonly #materials: readonly TlsMaterial[];

  private constructor(random: Random, root: CertificateAuthority, leaves: readonly { chain: string; key: string }[]) {
    this.#random = random;
    this.#root = readCertificate(leafOf(root.root));
    this.#mad = new MadAuthority(root);
    this.#leaves = leaves.map(({ chain }) => leafOf(chain));
    this.#revoked = readCertificate(this.#leaves[0]!);
    this.#list = derBlocks(root.revocationList([leaves[0]!.chain]), 'X509 CRL')[0]!;
    this.#key = leaves[0]!.key;
    const subjectAltNames = [exactName(WANTED)];
    this.#materials = [{ roots: root.root }, { domains: { 'td.example': root.root } }].map(
      (trust) => makeMaterial(partsOf({ trust: { ...trust, subjectAltNames } })).material,
    );
  }

  static async create(random: Random): Promise<CertificateCases> {
    const root = await CertificateAuthority.create();
    const stranger = await CertificateAuthority.create();
    const issue = async (from: CertificateAuthority, names: Parameters<CertificateAuthority['issue']>[0]) => {
      const { chain, key } = await from.issue(names);
      return { chain, key: Buffer.from(key.reveal()).toString() };
    };
    return new CertificateCases(random, root, [
      await issue(root, { uris: [WANTED], dnsNames: ['b.example', '*.c.example'], ips: ['10.0.0.1', '::1'] }),
      await issue(root, { uris: ['spiffe://td.example/ns/a/sa/evil'], otherNames: [{ oid: '1.2.3', text: WANTED }] }),
      await issue(root, { dnsNames: [WANTED.replaceAll(/[:/]/g, '.')], emails: ['a@b.example'], usages: ['client'] }),
      await issue(stranger, { uris: [WANTED] }),
    ]);
  }

  /** Bytes that nobody has signed. */
  unsigned(): void {
    const original = pick(this.#random, this.#leaves);
    const der = Buffer.from(damage(this.#random, original));
    const read = this.#read(der);
    if (read === null) return;
    const problem = this.#problem(read);
    if (problem === null && !this.#leaves.some((leaf) => leaf.equals(der)))
      throw new Error(`a damaged certificate is believed: ${der.toString('hex')}`);
    this.#count(problem);
  }

  /** A certificate that says anything, signed by the authority that is trusted: it is taken only for what OpenSSL takes it for, too. */
  signed(): void {
    const der = this.#madCertificate(pick(this.#random, this.#leaves));
    const read = this.#read(der);
    if (read === null) return;
    const difference = disagreement(read);
    if (difference !== null) throw new Error(`OpenSSL reads otherwise: ${difference}: ${der.toString('hex')}`);
    this.#count(this.#problem(read));
  }

  /** The same over a real connection: both are of one mind. */
  async handshake(): Promise<void> {
    const der = this.#madCertificate(this.#leaves[0]!);
    const cert = pemOf('CERTIFICATE', der);
    const material = pick(this.#random, this.#materials);
    let verdict: { readonly message: string } | null;
    try {
      verdict = await verdictOn({ key: this.#key, cert }, material);
    } catch {
      // The server does not take it, or OpenSSL ends the handshake.
      return;
    }
    this.outcomes.handshakes++;
    if (verdict !== null) return;
    this.outcomes.spokenTo++;
    const read = readCertificate(der);
    const named = read.names.some(({ type, value }) => type === 'uri' && value === WANTED);
    if (!named || this.#problem(read) !== null || disagreement(read) !== null)
      throw new Error(`a server is believed that is not the wanted one: ${der.toString('hex')}`);
  }

  /** A list that would not have the revoked certificate any more, if it were believed. */
  list(): void {
    const der = Buffer.from(
      this.#random() < 0.5 ? damage(this.#random, this.#list) : damageWithin(this.#random, this.#list),
    );
    const list = this.#try(() => readRevocationList(der));
    if (list === null) return;
    const problem = this.#problem(this.#revoked, [list]);
    if (problem === null) throw new Error(`a damaged list hides who is revoked: ${der.toString('hex')}`);
    this.#count(problem);
  }

  /** Anything at all. */
  garbage(): void {
    const bytes =
      this.#random() < 0.5
        ? Buffer.from(Array.from({ length: below(this.#random, 200) }, () => below(this.#random, 256)))
        : Buffer.from(damage(this.#random, pick(this.#random, [...this.#leaves, this.#list])));
    this.#try(() => walk(DerNode.parse(bytes)));
  }

  #madCertificate(original: Buffer): Buffer {
    let signed = toBeSigned(original);
    if (this.#random() < 0.5) return this.#mad.certificate(original, withStrangeNames(this.#random, signed, WANTED));
    for (let times = 1 + below(this.#random, 3); times > 0; times--) signed = damageWithin(this.#random, signed);
    return this.#mad.certificate(original, signed);
  }

  #read(der: Buffer): Certificate | null {
    return this.#try(() => readCertificate(der));
  }

  /** Null where it is no DER of its kind; any other error than those is a crash. */
  #try<T>(read: () => T): T | null {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DerError) && !isOpensslError(error)) throw error;
      this.outcomes.unread++;
      return null;
    }
  }

  #problem(leaf: Certificate, lists: readonly RevocationList[] | null = null): string | null {
    const rules: PathRules = {
      now: systemClock.wallNow(),
      role: 'server',
      maxIntermediates: 10,
      revocation: lists === null ? null : { lists, leafOnly: true, everyIssuer: true },
    };
    try {
      return judgePath(leaf, [], [this.#root], rules);
    } catch (error) {
      // As for whoever asks the judge: what throws is not believed.
      if (!isOpensslError(error)) throw error;
      return 'its key is none';
    }
  }

  #count(problem: string | null): void {
    if (problem === null) this.outcomes.believed++;
    else this.outcomes.refused++;
  }
}

function isOpensslError(error: unknown): boolean {
  return String((error as { readonly code?: unknown }).code ?? '').startsWith('ERR_OSSL');
}

function walk(node: DerNode): void {
  for (const read of [() => node.oid(), () => node.time(), () => node.flags(), () => node.count(), () => node.hex()]) {
    try {
      read();
    } catch (error) {
      if (!(error instanceof DerError)) throw error;
    }
  }
  if ((node.tag & 0x20) !== 0) for (const child of node.children()) walk(child);
}
