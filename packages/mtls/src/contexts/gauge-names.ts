import { createHash } from 'node:crypto';
import type { CertificateValidationContext, CommonTlsContext, DataSource, TlsCertificate } from '@inmesh/core';

/** What Envoy calls a certificate that has no name of its own: by the hash of its inline bytes, of which a file has none. */
export function certificateName({ certificateChain }: TlsCertificate): string {
  return `unnamed_cert_${hashOf(certificateChain)}`;
}

/** What the roots of a context are called: as their secret, their provider, or as Envoy calls those without a name. */
export function rootsName({ validation }: CommonTlsContext, context: CertificateValidationContext | null): string {
  if (validation?.secret) return validation.secret.name;
  const provider = context?.caCertificateProvider ?? validation?.provider ?? null;
  if (provider !== null) return provider.instanceName;
  const hash = hashOf(validation?.context?.trustedCa ?? null);
  return hash === '' ? 'unnamed_ca_cert' : `unnamed_ca_cert_${hash}`;
}

function hashOf(source: DataSource | null): string {
  if (source === null) return '';
  const bytes = source.kind === 'inline' ? source.bytes : new Uint8Array();
  return createHash('sha256').update(bytes).digest('hex').slice(0, 8);
}
