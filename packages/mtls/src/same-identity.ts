import type { Identity, TrustBundles } from './identity.ts';

/** Whether connections that were made with one are as good as those made with the other. */
export function sameIdentity(one: Identity, other: Identity): boolean {
  const { certificate: a } = one;
  const { certificate: b } = other;
  if (a === null || b === null) {
    if (a !== b) return false;
  } else if (a.chain !== b.chain || Buffer.compare(a.key.reveal(), b.key.reveal()) !== 0) return false;
  return one.trust === other.trust || (one.trust !== null && other.trust !== null && sameTrust(one.trust, other.trust));
}

function sameTrust(one: TrustBundles, other: TrustBundles): boolean {
  if (one.roots !== other.roots || one.crl !== other.crl) return false;
  const { byTrustDomain: a } = one;
  const { byTrustDomain: b } = other;
  if (a === null || b === null) return a === b;
  return a.size === b.size && [...a].every(([domain, roots]) => b.get(domain) === roots);
}
