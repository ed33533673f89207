import { createSecureContext, type SecureContext } from 'node:tls';
import type { BuildMaterial, BuiltMaterial } from '../material-parts.ts';
import { opensslJudges } from './chain-judge.ts';
import { materialError } from './config-error.ts';
import { type OwnCertificate, openCertificate } from './own-certificate.ts';
import { readValidation, type Validation } from './peer-judge.ts';
import { revocationListPem } from './pem-blocks.ts';
import type { ReadParts } from './read-parts.ts';
import { readSources } from './read-sources.ts';
import { summariesOfRoots, summaryOf } from './summaries.ts';
import { secureOptions } from './tls-parameters.ts';
import { pemOfTrust } from './trust.ts';

/** The material of connections to servers. Throws an error that names the secret or the file which is of no use; nothing of a key is in it. */
export const buildMaterial: BuildMaterial = (parts) => makeMaterial(readSources(parts, 'server'));

/** The same of what was read, for either side. */
export function makeMaterial(parts: ReadParts): BuiltMaterial {
  const certificates = parts.certificates.map(openCertificate);
  const validation = readValidation(parts);
  const secureContext = contextOf(parts, certificates, validation);
  return {
    material: { secureContext, verify: validation.judge },
    own: certificates.map(({ leaf }) => summaryOf(leaf)),
    roots: summariesOfRoots(validation),
  };
}

function contextOf(parts: ReadParts, certificates: readonly OwnCertificate[], { trust }: Validation): SecureContext {
  const { validation, makeSecureContext = createSecureContext } = parts;
  const place = certificates[0]?.place ?? validation?.place ?? 'the TLS context';
  const options = secureOptions(parts.parameters, place, makeSecureContext);
  const trusted = [...trust.values()];
  // Lists of one trust domain would be asked for the certificates of all.
  const lists =
    validation !== null && validation.trustDomains === null && opensslJudges(validation.rules)
      ? trusted.flatMap(({ revocationLists }) => revocationLists.map(revocationListPem))
      : [];
  try {
    return makeSecureContext({
      ...options,
      key: certificates.map(({ key }) => key),
      cert: certificates.map(({ chain }) => chain),
      // Never Node's own roots: who trusts nobody in particular does not trust them either.
      ca: trusted.flatMap(pemOfTrust),
      ...(lists.length > 0 && { crl: lists }),
      allowPartialTrustChain: true,
    });
  } catch (cause) {
    throw materialError(
      place,
      `certificates, roots and parameters of TLS do not make a context: ${(cause as Error).message}`,
      cause,
    );
  }
}
