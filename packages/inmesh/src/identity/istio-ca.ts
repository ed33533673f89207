import { readFileSync } from 'node:fs';
import { type Clock, MeshError, type Random, systemClock, systemRandom } from '@inmesh/core';
import { closeWhenIdle, HALF_LIFE, type IdentityProvider, IstioCa, pemFiles, type RenewalTimes } from '@inmesh/mtls';
import type { KeyType } from '@inmesh/mtls/ca';
import { grpcChannel } from '@inmesh/transports/rpc';

export interface IstioCaOptions {
  /** Default `istiod.istio-system.svc:15012`. */
  readonly address?: string;
  /** Roots that the CA's own certificate is checked with. Default: `/var/run/secrets/istio/root-cert.pem`, where injection puts `istio-ca-root-cert`. */
  readonly rootCertFile?: string;
  /** Default: `/var/run/secrets/tokens/istio-token`, a projected token for the audience `istio-ca`; read anew for each request. */
  readonly tokenFile?: string;
  /** The name that the CA's certificate must have. Default: the host of the address. */
  readonly serverName?: string;
  /** Default `cluster.local`. istiod goes by its own. */
  readonly trustDomain?: string;
  /** Default: `POD_NAMESPACE`, else `default`. */
  readonly namespace?: string;
  /** Default: `SERVICE_ACCOUNT`, else `default`. */
  readonly serviceAccount?: string;
  /** Name of the Kubernetes cluster. Default: `ISTIO_META_CLUSTER_ID`, else `Kubernetes`. */
  readonly clusterId?: string;
  /** Default `ecdsa-p256`: as safe as RSA-3072, and many times as fast in a handshake; istio-agent's is RSA-2048, for peers of old. */
  readonly keyType?: Exclude<KeyType, 'ed25519'>;
  /** Seconds that a certificate is asked for; the CA may give less. Default 86,400, as istio-agent's. */
  readonly ttlSeconds?: number;
  /** When it is renewed. Default: at half its life, one part in a hundred earlier or later, as istio-agent does. */
  readonly renewal?: RenewalTimes;
  /** Which signer of the CA signs. Default: its own. */
  readonly certSigner?: string;
  /** PEM, followed: roots that peers are checked with beside that at the end of the CA's answer. Default: none. */
  readonly meshRootsFile?: string;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default: `process.emitWarning`. */
  readonly onWarning?: (warning: Error) => void;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly random?: Random;
}

/** Where injection puts the root and the token. */
export const ISTIO_ROOT = '/var/run/secrets/istio/root-cert.pem';
const TOKEN = '/var/run/secrets/tokens/istio-token';

/** As Kubernetes writes them; what else stood in a SPIFFE ID could change its meaning. */
const SEGMENT = /^[A-Za-z0-9._-]+$/;

/** An identity from Istio's CA, by the token of a service account. Opens nothing before it is watched. Throws a MeshError (`invalid_config`) for options of no use. */
export function istioCa(options: IstioCaOptions = {}): IdentityProvider {
  const { env = process.env, certSigner = '', meshRootsFile } = options;
  const clock = options.clock ?? systemClock;
  const onWarning = options.onWarning ?? ((warning: Error) => process.emitWarning(warning));
  const clusterId = options.clusterId ?? env.ISTIO_META_CLUSTER_ID ?? 'Kubernetes';
  const named = {
    trustDomain: options.trustDomain ?? 'cluster.local',
    namespace: options.namespace ?? env.POD_NAMESPACE ?? 'default',
    serviceAccount: options.serviceAccount ?? env.SERVICE_ACCOUNT ?? 'default',
  };
  for (const [option, value] of Object.entries(named)) {
    if (!SEGMENT.test(value))
      throw new MeshError('invalid_config', `istioCa: ${option}: "${value}" cannot be part of a SPIFFE ID`);
  }
  const {
    address = 'istiod.istio-system.svc:15012',
    rootCertFile = ISTIO_ROOT,
    tokenFile = TOKEN,
    serverName,
  } = options;
  // Read for each request, which has a connection of its own.
  let ca = '';
  return new IstioCa({
    transport: closeWhenIdle(
      grpcChannel({ target: address, tls: () => ({ ca, ...(serverName !== undefined && { serverName }) }), clock }),
    ),
    address,
    spiffeId: `spiffe://${named.trustDomain}/ns/${named.namespace}/sa/${named.serviceAccount}`,
    metadata: () => {
      ca = textIn('rootCertFile', rootCertFile);
      return { authorization: `Bearer ${textIn('tokenFile', tokenFile)}`, clusterid: clusterId };
    },
    keyType: options.keyType ?? 'ecdsa-p256',
    ttlSeconds: checkedSeconds(options.ttlSeconds ?? 86_400),
    renewal: options.renewal ?? HALF_LIFE,
    certSigner,
    moreRoots: meshRootsFile === undefined ? null : pemFiles({ caFile: meshRootsFile }, { clock, onError: onWarning }),
    clock,
    random: options.random ?? systemRandom,
    onError: onWarning,
  });
}

/** Throws where it is not there or empty: both are mounted when the pod starts, perhaps a little late. */
function textIn(option: string, path: string): string {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (cause) {
    throw new Error(`${option}: ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (text === '') throw new Error(`${option}: ${path} is empty`);
  return text;
}

function checkedSeconds(ttl: number): number {
  if (Number.isInteger(ttl) && ttl > 0) return ttl;
  throw new MeshError('invalid_config', `istioCa: ttlSeconds: ${ttl} is no number of whole seconds above 0`);
}
