import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { type Clock, SecretBytes } from '@inmesh/core';
import { parseSpiffeId } from '@inmesh/mtls';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { commandError, readText, replaceFile } from './files.ts';

/** Istio's. */
const DEFAULT_TRUST_DOMAIN = 'cluster.local';

/** The authority of a folder and the trust domain that it stands for, which its certificate names. */
export interface TrustDomain {
  readonly name: string;
  readonly authority: CertificateAuthority;
  /** True where it was made just now. */
  readonly made: boolean;
}

export const ROOT_CERTIFICATE = 'root.crt';
export const ROOT_KEY = 'root.key';

/** That of the folder, or a new one. */
export async function openTrustDomain(folder: string, wanted: string | null, clock: Clock): Promise<TrustDomain> {
  const certificate = readText(join(folder, ROOT_CERTIFICATE));
  const key = readText(join(folder, ROOT_KEY));
  if (certificate === null && key === null) return makeTrustDomain(folder, wanted ?? DEFAULT_TRUST_DOMAIN, clock);
  if (certificate === null || key === null) {
    const [there, gone] = certificate === null ? [ROOT_KEY, ROOT_CERTIFICATE] : [ROOT_CERTIFICATE, ROOT_KEY];
    throw commandError(`${folder} has ${there} without ${gone}: bring it back, or use another folder`);
  }
  const name = trustDomainOf(folder, certificate);
  if (wanted !== null && wanted !== name) {
    throw commandError(`${folder} is the trust domain ${name}, not ${wanted}: use another folder for another one`);
  }
  try {
    const authority = await CertificateAuthority.load(new SecretBytes(Buffer.from(key, 'latin1')), certificate, clock);
    return { name, authority, made: false };
  } catch (cause) {
    throw commandError(`${join(folder, ROOT_KEY)}: ${(cause as Error).message}`, cause);
  }
}

async function makeTrustDomain(folder: string, name: string, clock: Clock): Promise<TrustDomain> {
  const uri = `spiffe://${name}`;
  if (parseSpiffeId(uri)?.path !== '') {
    throw commandError(
      `"${name}" cannot be a trust domain: use lower-case letters, digits, dots, dashes and underscores`,
    );
  }
  const authority = await CertificateAuthority.create({ commonName: `inmesh CA of ${name}`, uris: [uri] }, clock);
  replaceFile(join(folder, ROOT_KEY), authority.key.reveal(), 0o600);
  replaceFile(join(folder, ROOT_CERTIFICATE), authority.root, 0o644);
  return { name, authority, made: true };
}

function trustDomainOf(folder: string, certificate: string): string {
  const path = join(folder, ROOT_CERTIFICATE);
  let parsed: X509Certificate;
  try {
    parsed = new X509Certificate(certificate);
  } catch (cause) {
    throw commandError(`${path} is no certificate in PEM`, cause);
  }
  const id = parseSpiffeId(/(?:^|, )URI:([^,]*)/.exec(parsed.subjectAltName ?? '')?.[1] ?? '');
  if (id !== null && id.path === '') return id.trustDomain;
  throw commandError(`${path} does not name a trust domain: it was not made by this command; use another folder`);
}
