import { isIP } from 'node:net';
import type { Cluster, UpstreamConnectionOptions } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type {
  BindConfig,
  TcpKeepalive as ProtoKeepalive,
  SocketAddress,
} from '@inmesh/api/gen/envoy/config/core/v3/address_pb';
import {
  type ConnectionPoolConfig,
  DEFAULT_POOL,
  type HappyEyeballs,
  type SourceAddress,
  type TcpKeepalive,
} from '@inmesh/core';
import { otherFields, Refusal } from '../decoding.ts';

const KNOWN_BIND: ReadonlySet<string> = new Set([
  'source_address',
  'extra_source_addresses',
  'additional_source_addresses',
  'freebind', // to an address that the machine does not have yet: the system says so where it matters
]);
const KNOWN_PRECONNECT: ReadonlySet<string> = new Set(['per_upstream_preconnect_ratio', 'predictive_preconnect_ratio']);

/** How connections are opened and kept. What cannot be honoured is added to `unsupported`. */
export function decodeConnectionPool(
  message: Cluster,
  maxConnectionDurationMs: number,
  unsupported: string[],
): ConnectionPoolConfig {
  const { preconnectPolicy: preconnect, upstreamConnectionOptions: options } = message;
  if (preconnect !== undefined) {
    unsupported.push(...otherFields(preconnect, KNOWN_PRECONNECT).map((name) => `preconnect_policy.${name}`));
  }
  return {
    maxConnectionDurationMs,
    preconnect: {
      perUpstreamRatio: preconnect?.perUpstreamPreconnectRatio ?? DEFAULT_POOL.preconnect.perUpstreamRatio,
      predictiveRatio: preconnect?.predictivePreconnectRatio ?? DEFAULT_POOL.preconnect.predictiveRatio,
    },
    tcpKeepalive: options?.tcpKeepalive === undefined ? null : decodeKeepalive(options.tcpKeepalive),
    bind: message.upstreamBindConfig === undefined ? null : decodeBind(message.upstreamBindConfig, unsupported),
    ...happyEyeballs(options),
    closeOnHostSetChange: message.commonLbConfig?.closeConnectionsOnHostSetChange ?? false,
  };
}

/** By the numbers of UpstreamConnectionOptions.FirstAddressFamilyVersion; 0 is that of the first address. */
const FAMILIES: readonly HappyEyeballs['firstFamily'][] = [null, 'v4', 'v6'];

function happyEyeballs(options: UpstreamConnectionOptions | undefined): Pick<ConnectionPoolConfig, 'happyEyeballs'> {
  const config = options?.happyEyeballsConfig;
  if (config === undefined) return {};
  const firstFamily = FAMILIES[config.firstAddressFamilyVersion] ?? null;
  return { happyEyeballs: { firstFamily, firstFamilyCount: config.firstAddressFamilyCount ?? 1 } };
}

function decodeKeepalive({ keepaliveProbes, keepaliveTime, keepaliveInterval }: ProtoKeepalive): TcpKeepalive {
  const seconds = (value: number | undefined) => (value === undefined ? null : value * 1000);
  return { probes: keepaliveProbes ?? null, timeMs: seconds(keepaliveTime), intervalMs: seconds(keepaliveInterval) };
}

/** One address, and one of the other family at most, as in Envoy. */
function decodeBind(message: BindConfig, unsupported: string[]): SourceAddress | null {
  const field = 'upstream_bind_config';
  unsupported.push(...otherFields(message, KNOWN_BIND).map((name) => `${field}.${name}`));
  const { extraSourceAddresses, additionalSourceAddresses: additional, sourceAddress } = message;
  if (extraSourceAddresses.length > 0 && additional.length > 0) {
    throw new Refusal(
      field,
      "Can't specify both `extra_source_addresses` and `additional_source_addresses` in the cluster's upstream binding config",
    );
  }
  const others = [...extraSourceAddresses.map(({ address }) => address), ...additional];
  if (sourceAddress === undefined) {
    if (others.length === 0) return null;
    throw new Refusal(
      field,
      "the cluster's upstream binding config has extra/additional source addresses but no source_address",
    );
  }
  if (others.length > 1) {
    throw new Refusal(
      field,
      "the cluster's upstream binding config has more than one extra/additional source addresses",
    );
  }
  const main = readSource(sourceAddress, `${field}.source_address`);
  const extra = others.map((each) => readSource(each, `${field}.extra_source_addresses[0]`));
  if (extra.some(({ host }) => isIP(host) === isIP(main.host))) {
    throw new Refusal(field, "the cluster's upstream binding config has two same IP version source addresses");
  }
  return { ...main, extra };
}

function readSource(
  message: SocketAddress | undefined,
  field: string,
): { readonly host: string; readonly port: number } {
  const host = message?.address ?? '';
  if (isIP(host) === 0) throw new Refusal(`${field}.address`, `malformed IP address: ${host}`);
  const { portSpecifier: port } = message ?? { portSpecifier: { case: undefined } };
  return { host, port: port.case === 'portValue' ? port.value : 0 };
}
