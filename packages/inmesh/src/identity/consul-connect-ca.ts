import { readFileSync } from 'node:fs';
import { type Clock, MeshError, type Random, systemClock, systemRandom } from '@inmesh/core';
import {
  type ConsulAgentAddress,
  ConsulConnectCa,
  type ConsulGet,
  consulAgent,
  type IdentityProvider,
} from '@inmesh/mtls';

export interface ConsulConnectCaOptions {
  /** The service that this process is. */
  readonly service: string;
  /** `http://host:port`, `https://host:port` or `unix:///path`. Default: `CONSUL_HTTP_ADDR`, else the agent of this host, `http://127.0.0.1:8500`. */
  readonly address?: string;
  /** With `service:write` for the service. Default: `CONSUL_HTTP_TOKEN`, else what is in the file `CONSUL_HTTP_TOKEN_FILE`, else none. */
  readonly token?: string;
  /** Read anew for each request, instead of `token`. */
  readonly tokenFile?: string;
  /** Default: the agent's own. */
  readonly namespace?: string;
  /** Default: the agent's own. */
  readonly partition?: string;
  /** Default: the agent's own. */
  readonly datacenter?: string;
  /** Roots that the agent is checked with over HTTPS. Default: `CONSUL_CACERT`, else those of Node. */
  readonly caFile?: string;
  /** Our certificate towards an agent that asks for one, and its key. Default: `CONSUL_CLIENT_CERT` and `CONSUL_CLIENT_KEY`. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Hears of watchers that threw. Default: `process.emitWarning`. */
  readonly onWarning?: (warning: Error) => void;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly random?: Random;
}

/** An identity from the service mesh of Consul, by its agent. Opens nothing before it is watched. Throws a MeshError (`invalid_config`) for options of no use. */
export function consulConnectCa(options: ConsulConnectCaOptions): IdentityProvider {
  const { service, namespace, partition, datacenter, env = process.env } = options;
  if (service === '') throw new MeshError('invalid_config', 'consulConnectCa: service: "" names no service');
  const address = urlOf(options.address ?? env.CONSUL_HTTP_ADDR ?? '127.0.0.1:8500', env);
  const caFile = options.caFile ?? env.CONSUL_CACERT;
  const certFile = options.certFile ?? env.CONSUL_CLIENT_CERT;
  const keyFile = options.keyFile ?? env.CONSUL_CLIENT_KEY;
  return new ConsulConnectCa({
    get: checkedAgent({
      url: address,
      tls: () => ({
        ...(caFile !== undefined && { ca: readFileSync(caFile) }),
        ...(certFile !== undefined && { cert: readFileSync(certFile) }),
        ...(keyFile !== undefined && { key: readFileSync(keyFile) }),
      }),
      token: tokenOf(options, env),
    }),
    address,
    service,
    scope: {
      ...(namespace !== undefined && { ns: namespace }),
      ...(partition !== undefined && { partition }),
      ...(datacenter !== undefined && { dc: datacenter }),
    },
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    onError: options.onWarning ?? ((warning) => process.emitWarning(warning)),
  });
}

/** Consul's own tools take `host:port`, too. */
function urlOf(address: string, env: Readonly<Record<string, string | undefined>>): string {
  if (/^[a-z]+:\//i.test(address)) return address;
  return `${/^(1|true)$/i.test(env.CONSUL_HTTP_SSL ?? '') ? 'https' : 'http'}://${address}`;
}

function checkedAgent(parts: ConsulAgentAddress): ConsulGet {
  try {
    return consulAgent(parts);
  } catch (cause) {
    throw new MeshError('invalid_config', `consulConnectCa: address: ${(cause as Error).message}`, { cause });
  }
}

/** What the code says comes before what the environment says. */
function tokenOf(
  { token, tokenFile }: ConsulConnectCaOptions,
  { CONSUL_HTTP_TOKEN, CONSUL_HTTP_TOKEN_FILE }: Readonly<Record<string, string | undefined>>,
): () => string {
  if (token !== undefined) return () => token;
  const file = tokenFile ?? (CONSUL_HTTP_TOKEN === undefined ? CONSUL_HTTP_TOKEN_FILE : undefined);
  if (file === undefined) return () => CONSUL_HTTP_TOKEN ?? '';
  return () => readFileSync(file, 'utf8').trim();
}
