import { type KeyObject, verify } from 'node:crypto';
import { type Certificate, KEY_USAGE } from './certificate.ts';
import { DerError, DerNode, TAG } from './der.ts';
import { SIGNATURE_DIGESTS } from './signature-algorithms.ts';

/** Extensions that may be critical: what a list says of itself by them does not limit it. */
const UNDERSTOOD: ReadonlySet<string> = new Set(['2.5.29.20', '2.5.29.35']);

/** A list of revoked certificates. (RFC 5280, section 5) */
export interface RevocationList {
  /** DER of the name of who signed it. */
  readonly issuer: Buffer;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Null: it is never out of date. */
  readonly nextUpdate: number | null;
  /** Hexadecimal serial numbers. */
  readonly revoked: ReadonlySet<string>;
  signedBy(key: KeyObject): boolean;
}

/** Throws for bytes that are no list, and for one that covers only some certificates: others would pass as not revoked. */
export function readRevocationList(der: Uint8Array): RevocationList {
  const [tbs, algorithm, signature, ...rest] = DerNode.parse(der).expect(TAG.sequence).children();
  if (tbs === undefined || algorithm === undefined || signature === undefined || rest.length > 0)
    throw new DerError('it has not the three parts of a list of revoked certificates');
  const fields = tbs.expect(TAG.sequence).children();
  if (fields[0]?.tag === TAG.integer) fields.shift();
  const [inner, issuer, thisUpdate] = fields.splice(0, 3);
  if (inner === undefined || issuer === undefined || thisUpdate === undefined || !inner.raw.equals(algorithm.raw))
    throw new DerError('fields of the list of revoked certificates are missing');
  const timed = fields[0]?.tag === TAG.utcTime || fields[0]?.tag === TAG.generalizedTime;
  const nextUpdate = timed ? fields.shift()!.time() : null;
  const entries = fields[0]?.tag === TAG.sequence ? fields.shift()!.children() : [];
  const [extensions, ...more] = fields;
  if (more.length > 0 || (extensions !== undefined && extensions.tag !== 0xa0))
    throw new DerError('the list of revoked certificates has a field that none has');
  refuseCritical(extensions?.inner().children() ?? []);
  const oid = algorithm.expect(TAG.sequence).children()[0]?.oid() ?? '';
  const bits = signature.bits();
  return {
    issuer: issuer.expect(TAG.sequence).raw,
    thisUpdate: thisUpdate.time(),
    nextUpdate,
    revoked: new Set(entries.map(readEntry)),
    signedBy: (key) => isSigned(tbs.raw, bits, oid, key),
  };
}

export interface RevocationRules {
  readonly lists: readonly RevocationList[];
  /** Only the leaf is looked up, not the authorities above it. */
  readonly leafOnly: boolean;
  /** An issuer without a list is an error; else what it issued is taken for good. */
  readonly everyIssuer: boolean;
}

/** Why a certificate must be taken for revoked; null where it need not. `now` null: times play no part. */
export function revocationOf(
  certificate: Certificate,
  issuer: Certificate,
  { lists, everyIssuer }: RevocationRules,
  now: number | null,
): string | null {
  const named = lists.filter((list) => list.issuer.equals(certificate.issuer));
  const signed = mayRevoke(issuer) ? named.filter((list) => list.signedBy(issuer.publicKey)) : [];
  if (signed.length === 0) {
    if (!everyIssuer) return null;
    return named.length === 0 ? 'unable to get certificate CRL' : 'CRL signature failure';
  }
  if (signed.some((list) => list.revoked.has(certificate.serial))) return 'certificate revoked';
  if (now === null || signed.some((list) => list.thisUpdate <= now && (list.nextUpdate ?? now) >= now)) return null;
  return signed.some((list) => list.thisUpdate <= now) ? 'CRL has expired' : 'CRL is not yet valid';
}

function mayRevoke({ keyUsage }: Certificate): boolean {
  return keyUsage === null || (keyUsage & KEY_USAGE.crlSign) !== 0;
}

function readEntry(node: DerNode): string {
  const [serial, , extensions] = node.expect(TAG.sequence).children();
  if (serial === undefined) throw new DerError('an entry of the list of revoked certificates has no serial number');
  refuseCritical(extensions?.children() ?? []);
  return serial.hex();
}

function refuseCritical(extensions: readonly DerNode[]): void {
  for (const extension of extensions) {
    const [oid, critical] = extension.expect(TAG.sequence).children();
    if (critical?.tag === TAG.boolean && critical.boolean() && !UNDERSTOOD.has(oid?.oid() ?? ''))
      throw new DerError(
        `the list of revoked certificates has the critical extension ${oid?.oid()}, which is not understood`,
      );
  }
}

function isSigned(bytes: Buffer, signature: Buffer, oid: string, key: KeyObject): boolean {
  const digest = SIGNATURE_DIGESTS.get(oid);
  if (digest === undefined) return false;
  try {
    return verify(digest, bytes, key, signature);
  } catch {
    return false;
  }
}
