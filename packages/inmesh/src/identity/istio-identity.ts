import type { Clock, Random } from '@inmesh/core';
import type { IdentityProvider } from '@inmesh/mtls';
import { type IstioOptions, istioSecurity } from '@inmesh/xds';
import { ISTIO_ROOT, type IstioCaOptions, istioCa } from './istio-ca.ts';

export interface IstioIdentityParts {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (warning: Error) => void;
}

/**
 * Who a pod without an agent is: what its istiod certifies, by the token that it asks for its feed with. Null where istiod is spoken to in the
 * clear, because a token must not be.
 */
export function istioIdentity(istio: IstioOptions, parts: IstioIdentityParts): IdentityProvider | null {
  if (istioSecurity(istio) === 'insecure') return null;
  const { address, rootCertFile, tokenFile, serverName, namespace, serviceAccount, clusterId } = istio;
  const given = { address, rootCertFile, tokenFile, serverName, namespace, serviceAccount, clusterId };
  const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  // The file has all roots of the mesh, also one that is to come; the CA's answer has its own only.
  return istioCa({ ...(options as IstioCaOptions), meshRootsFile: rootCertFile ?? ISTIO_ROOT, ...parts });
}
