import { messageType } from '@inmesh/api';
import type { FilterChain as ProtoChain } from '@inmesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener as ProtoListener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type {
  HttpConnectionManager as ProtoManager,
  Rds,
} from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { TcpProxy as ProtoTcpProxy } from '@inmesh/api/gen/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb';
import {
  ANY_CONNECTION,
  type FilterChain,
  type HttpConnectionManager,
  type Listener,
  ROUTE_CONFIGURATION_DEFAULTS,
  type RouteSource,
  VIRTUAL_HOST_DEFAULTS,
} from '@inmesh/core';
import { decodeAddress } from './address.ts';
import { decodeConnectionManager } from './connection-manager.ts';
import {
  type Decoding,
  enumName,
  holds,
  otherFields,
  Refusal,
  requireValid,
  unpack,
  unpackUnchecked,
} from './decoding.ts';
import { requireEnvoyListener } from './envoy/index.ts';
import { requireGrpcListener } from './grpc/index.ts';
import { decodeHttpFilters } from './http-filter.ts';
import { isDecoration } from './network-filters.ts';
import { refusedRoute } from './route.ts';
import { readRouteConfiguration } from './route-configuration.ts';
import { decodeChainMatch, decodeTcpProxy } from './tcp-proxy.ts';
import { decodeUpgrades } from './upgrades.ts';

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const TCP_PROXY = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';
const NO_FIELDS: ReadonlySet<string> = new Set();

/** Network filters other than connection managers and TCP proxies are not read: of HTTP calls they are for servers, and bytes are refused where one of them decides something. */
export function decodeListener(decoding: Decoding, message: ProtoListener): Listener {
  requireValid(decoding, messageType<ProtoListener>('envoy.config.listener.v3.Listener'), message);
  if (decoding.profile === 'grpc') requireGrpcListener(decoding, message);
  else requireEnvoyListener(message);
  if (message.apiListener?.apiListener !== undefined) {
    const any = message.apiListener.apiListener;
    const field = 'api_listener.api_listener';
    if (!holds(any, MANAGER)) {
      throw new Refusal(field, 'is not supported: it must be an HttpConnectionManager');
    }
    // istiod leaves stat_prefix empty in what it makes for gRPC, which the rules forbid: only what is read is checked here.
    const manager = unpackUnchecked<ProtoManager>(any, MANAGER, field);
    if (manager.routeSpecifier.case === 'routeConfig') {
      const routes = messageType<RouteConfiguration>('envoy.config.route.v3.RouteConfiguration');
      requireValid(decoding, routes, manager.routeSpecifier.value, `${field}.route_config`);
    }
    const http = decodeManager(decoding, manager, field);
    return { name: message.name, address: null, http, direction: directionOf(message), chains: [] };
  }
  const address = message.address === undefined ? null : decodeAddress(message.address, 'address', 'ip');
  const chains = decodeChains(decoding, message);
  const http = chains.find((chain) => chain.http !== null)?.http ?? null;
  return { name: message.name, address, http, direction: directionOf(message), chains };
}

function directionOf({ trafficDirection }: ProtoListener): Listener['direction'] {
  const name = enumName('envoy.config.core.v3.TrafficDirection', trafficDirection);
  return name === 'INBOUND' ? 'inbound' : name === 'OUTBOUND' ? 'outbound' : 'unspecified';
}

function decodeChains(decoding: Decoding, message: ProtoListener): FilterChain[] {
  const chains = message.filterChains.map((chain, index) => decodeChain(decoding, chain, `filter_chains[${index}]`));
  if (message.defaultFilterChain !== undefined) {
    const chain = decodeChain(decoding, message.defaultFilterChain, 'default_filter_chain');
    chains.push({ ...chain, port: null, catchAll: true, isDefault: true, match: ANY_CONNECTION });
  }
  return chains;
}

function decodeChain(decoding: Decoding, chain: ProtoChain, field: string): FilterChain {
  const match = chain.filterChainMatch;
  let http: HttpConnectionManager | null = null;
  let tcp: ProtoTcpProxy | null = null;
  const others: string[] = [];
  for (const [index, { name, configType }] of chain.filters.entries()) {
    if (configType.case !== 'typedConfig') {
      others.push(`filters[${index}] (${name})`);
      continue;
    }
    const place = `${field}.filters[${index}].typed_config`;
    if (holds(configType.value, MANAGER)) {
      http ??= decodeManager(decoding, unpack<ProtoManager>(decoding, configType.value, MANAGER, place), place);
    } else if (holds(configType.value, TCP_PROXY)) {
      tcp = unpack<ProtoTcpProxy>(decoding, configType.value, TCP_PROXY, place);
    } else if (!isDecoration(configType.value)) {
      others.push(`filters[${index}] (${name})`);
    }
  }
  return {
    name: chain.name,
    port: match?.destinationPort ?? null,
    catchAll: match === undefined || otherFields(match, NO_FIELDS).length === 0,
    match: decodeChainMatch(match),
    http,
    tcp: tcp === null ? null : decodeTcpProxy(tcp, others),
  };
}

function decodeManager(decoding: Decoding, message: ProtoManager, field: string): HttpConnectionManager {
  return {
    statPrefix: message.statPrefix,
    routes: decodeRoutes(decoding, message, field),
    upgrades: decodeUpgrades(message.upgradeConfigs, `${field}.upgrade_configs`),
    manager: decodeConnectionManager(decoding, message, field),
    httpFilters: decodeHttpFilters(decoding, message.httpFilters, `${field}.http_filters`),
  };
}

function decodeRoutes(decoding: Decoding, message: ProtoManager, field: string): RouteSource {
  const specifier = message.routeSpecifier;
  switch (specifier.case) {
    case 'rds':
      return { kind: 'rds', name: decodeRds(specifier.value, `${field}.rds`) };
    case 'routeConfig':
      return { kind: 'inline', config: readRouteConfiguration(decoding, specifier.value, `${field}.route_config`) };
    case 'scopedRoutes':
      return { kind: 'inline', config: SCOPED_ROUTES };
    default:
      throw new Refusal(`${field}.route_specifier`, 'value is required');
  }
}

function decodeRds(rds: Rds, field: string): string {
  const source = rds.configSource?.configSourceSpecifier.case;
  if (source === undefined || source === 'apiConfigSource') {
    throw new Refusal(`${field}.config_source`, 'routes must come over ads, self or a path');
  }
  if (rds.routeConfigName === '')
    throw new Refusal(`${field}.route_config_name`, 'value length must be at least 1 characters');
  return rds.routeConfigName;
}

/** Which routes a call takes depends on its headers then: every call is refused. */
const SCOPED_ROUTES = {
  ...ROUTE_CONFIGURATION_DEFAULTS,
  name: '',
  virtualHosts: [
    {
      ...VIRTUAL_HOST_DEFAULTS,
      name: 'scoped_routes',
      domains: ['*'],
      routes: [refusedRoute(['scoped_routes'])],
    },
  ],
} satisfies Extract<RouteSource, { kind: 'inline' }>['config'];
