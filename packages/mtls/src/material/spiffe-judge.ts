import type { Clock } from '@inmesh/core';
import { parseSpiffeId } from '../spiffe-id.ts';
import { KEY_USAGE } from '../x509/certificate.ts';
import { type ChainJudge, opensslJudges, opensslProblem, pathJudge, refuseChain } from './chain-judge.ts';
import { type Peer, presented, refusal } from './peer.ts';
import type { ReadValidation } from './read-parts.ts';
import type { Trust } from './trust.ts';

/**
 * Judges a workload by the roots of its own trust domain, so that no domain can vouch for the names of another.
 * (X.509-SVID, section 5; envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig)
 *
 * OpenSSL has the roots of all domains in one set: it must agree, and does not suffice.
 */
export function spiffeJudge(
  { rules, place }: ReadValidation,
  domains: ReadonlyMap<string, Trust>,
  clock: Clock,
): ChainJudge {
  const paths = new Map([...domains].map(([domain, trust]) => [domain, pathJudge(rules, trust, false, clock)]));
  const bothMustAgree = opensslJudges(rules);
  return (peer) => {
    const domain = trustDomainOf(peer);
    const judge = paths.get(domain ?? '');
    if (domain === null || judge === undefined) {
      const problem = domain === null ? noSvid(peer) : `there are no roots for the trust domain ${domain}`;
      return refusal(
        'fail_verify_error',
        `${problem}: ${presented(peer)}; ${place} has ${[...domains.keys()].join(', ')}`,
      );
    }
    const problem =
      judge(peer) ?? (bothMustAgree && peer.chainError !== null ? opensslProblem(peer, peer.chainError) : null);
    return problem === null ? null : refuseChain(peer, problem, domains.get(domain)?.place ?? place);
  };
}

/** Null for what is no SVID of a workload. */
function trustDomainOf({ leaf }: Peer): string | null {
  const uris = leaf.names.filter(({ type }) => type === 'uri');
  if (uris.length !== 1 || leaf.authority) return null;
  if (((leaf.keyUsage ?? 0) & (KEY_USAGE.keyCertSign | KEY_USAGE.crlSign)) !== 0) return null;
  const id = parseSpiffeId(uris[0]!.value);
  return id === null || id.path === '' ? null : id.trustDomain;
}

function noSvid({ leaf }: Peer): string {
  const uris = leaf.names.filter(({ type }) => type === 'uri');
  if (uris.length !== 1) return `a workload has one URI for a name, and here are ${uris.length}`;
  return parseSpiffeId(uris[0]!.value)?.path
    ? 'the certificate is one of an authority'
    : 'its URI is no SPIFFE ID of a workload';
}
