import type { ServerOptions } from '../bootstrap/index.ts';
import type { IstioNodeOptions } from './istio-node.ts';

/** istiod without an agent in between. */
export interface IstioOptions extends IstioNodeOptions {
  /** Default `istiod.istio-system.svc:15012`. */
  readonly address?: string;
  /** `tls`: with the mesh's root and the service account's token. `insecure`: as on port 15010. Default: by the port. */
  readonly security?: 'tls' | 'insecure';
  /** Root certificates. Default: `/var/run/secrets/istio/root-cert.pem`, where injection puts `istio-ca-root-cert`. */
  readonly rootCertFile?: string;
  /** Default: `/var/run/secrets/tokens/istio-token`, a projected token for the audience `istio-ca`; read anew for each stream. */
  readonly tokenFile?: string;
  /** The name that istiod's certificate must have. Default: the host of the address. */
  readonly serverName?: string;
}

const ADDRESS = 'istiod.istio-system.svc:15012';
/** Where injection puts istiod's root. */
const ROOT = '/var/run/secrets/istio/root-cert.pem';
const TOKEN = '/var/run/secrets/tokens/istio-token';

/** As istio-agent has it; istiod takes pings every 15 s. */
const KEEPALIVE = { intervalMs: 30_000, timeoutMs: 10_000 };

/** How istiod is spoken to. */
export function istioSecurity({ security, address = ADDRESS }: IstioOptions): 'tls' | 'insecure' {
  return security ?? (address.endsWith(':15010') ? 'insecure' : 'tls');
}

/** istiod as a control plane: delta is left to be an option, because older ones speak it in part only. */
export function istioServer(options: IstioOptions, clusterId: string): ServerOptions {
  const { address = ADDRESS, rootCertFile = ROOT, tokenFile = TOKEN, serverName } = options;
  if (istioSecurity(options) === 'insecure') {
    return { uri: address, initialMetadata: [['clusterid', clusterId]], keepalive: KEEPALIVE };
  }
  return {
    uri: address,
    credentials: {
      kind: 'tls',
      caFile: rootCertFile,
      ...(serverName !== undefined && { serverName }),
    },
    callCredentials: [{ type: 'jwt_token_file', config: { jwt_token_file: tokenFile } }],
    initialMetadata: [['clusterid', clusterId]],
    keepalive: KEEPALIVE,
  };
}
