import { X509Certificate } from 'node:crypto';
import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type {
  X509BundlesResponse,
  X509SVID as X509Svid,
  X509SVIDResponse as X509SvidResponse,
} from '@inmesh/api/gen/workload_pb';
import { pemOf } from '../ca/index.ts';
import { splitDer } from '../der.ts';
import type { CertifiedKey, Identity, TrustBundles } from '../identity.ts';
import { readPemPair } from '../providers/pem-pair.ts';
import { parseSpiffeId } from '../spiffe-id.ts';
import { trustDomainOf } from './bundle-name.ts';
import { chooseSvid, noSuchSvid, type SvidChoice } from './svid-choice.ts';

/** An SVID that was ours is not among those any more. */
export class NoSuchSvid extends Error {}

/**
 * Reads an X509SVIDResponse. Each is whole: what it does not hold is taken back. Throws NoSuchSvid where none is ours, and another
 * error for a response of which no use can be made. (SPIFFE Workload API, sections 4.4 and 5.2.1)
 */
export function readX509Svids(bytes: Uint8Array, choice: SvidChoice, wallNow: number): Identity {
  const { svids, crl, federatedBundles } = fromBinary(messageType<X509SvidResponse>('X509SVIDResponse'), bytes);
  if (svids.length === 0) throw new Error('the response has no SVID');
  const svid = chooseSvid(svids, choice);
  if (svid === null) throw new NoSuchSvid(noSuchSvid(svids, choice));
  const id = parseSpiffeId(svid.spiffeId);
  if (id === null) throw new Error(`"${svid.spiffeId}" is no SPIFFE ID`);
  const bundles = new Map(Object.entries(federatedBundles));
  bundles.set(id.trustDomain, svid.bundle);
  return {
    certificate: at(`the SVID of ${svid.spiffeId}`, () => svidOf(svid, wallNow)),
    trust: trustOf(bundles, crl),
  };
}

/** Reads an X509BundlesResponse: roots for a process that has no identity of its own. */
export function readX509Bundles(bytes: Uint8Array): Identity {
  const { bundles, crl } = fromBinary(messageType<X509BundlesResponse>('X509BundlesResponse'), bytes);
  const all = new Map(Object.entries(bundles));
  if (all.size === 0) throw new Error('the response has no bundle');
  return { certificate: null, trust: trustOf(all, crl) };
}

function svidOf({ spiffeId, x509Svid, x509SvidKey }: X509Svid, wallNow: number): CertifiedKey {
  const certificates = splitDer(x509Svid).map(certificatePem);
  const [leaf] = certificates;
  if (leaf === undefined) throw new Error('it has no certificate');
  const names = new X509Certificate(leaf).subjectAltName?.split(', ') ?? [];
  if (!names.includes(`URI:${spiffeId}`)) throw new Error('its certificate is for somebody else');
  const chain = Buffer.from(certificates.join(''));
  const key = Buffer.from(pemOf('PRIVATE KEY', x509SvidKey));
  return readPemPair({ chain, chainPlace: 'x509_svid', key, keyPlace: 'x509_svid_key' }, wallNow);
}

function trustOf(bundles: ReadonlyMap<string, Uint8Array>, crls: readonly Uint8Array[]): TrustBundles {
  const byTrustDomain = new Map<string, string>();
  for (const [name, bundle] of bundles) {
    const trustDomain = trustDomainOf(name);
    const roots = at(`the bundle of ${trustDomain}`, () => splitDer(bundle).map(certificatePem).join(''));
    if (roots === '') throw new Error(`the bundle of ${trustDomain} is empty`);
    byTrustDomain.set(trustDomain, roots);
  }
  return { roots: '', byTrustDomain, crl: crls.map((crl) => pemOf('X509 CRL', crl)).join('') };
}

function certificatePem(der: Uint8Array): string {
  const certificate = new X509Certificate(der);
  return pemOf('CERTIFICATE', certificate.raw);
}

function at<T>(place: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`${place} cannot be used: ${(cause as Error).message}`, { cause });
  }
}
