import { messageType } from '@inmesh/api';
import type { Listener as ProtoListener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type {
  HttpConnectionManager as ProtoManager,
  Rds,
} from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { HttpConnectionManager, Listener, RouteSource } from '@inmesh/core';
import { decodeAddress } from './address.ts';
import { type Decoding, holds, Refusal, requireValid, unpack, unpackUnchecked } from './decoding.ts';
import { decodeHttpFilters } from './http-filter.ts';
import { refusedRoute } from './route.ts';
import { readRouteConfiguration } from './route-configuration.ts';

const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** Only the connection manager that calls go through is read; other chains may hold what they like. */
export function decodeListener(decoding: Decoding, message: ProtoListener): Listener {
  requireValid(decoding, messageType<ProtoListener>('envoy.config.listener.v3.Listener'), message);
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
    return { name: message.name, address: null, http: decodeManager(decoding, manager, field) };
  }
  const address = message.address === undefined ? null : decodeAddress(message.address, 'address', 'ip');
  return { name: message.name, address, http: findManager(decoding, message) };
}

/** In the first filter chain that has one, else in the default chain. */
function findManager(decoding: Decoding, message: ProtoListener): HttpConnectionManager | null {
  const chains = message.filterChains.map((chain, index) => ({ chain, field: `filter_chains[${index}]` }));
  if (message.defaultFilterChain !== undefined) {
    chains.push({ chain: message.defaultFilterChain, field: 'default_filter_chain' });
  }
  for (const { chain, field } of chains) {
    for (const [index, filter] of chain.filters.entries()) {
      if (filter.configType.case !== 'typedConfig' || !holds(filter.configType.value, MANAGER)) continue;
      const place = `${field}.filters[${index}].typed_config`;
      return decodeManager(decoding, unpack<ProtoManager>(decoding, filter.configType.value, MANAGER, place), place);
    }
  }
  return null;
}

function decodeManager(decoding: Decoding, message: ProtoManager, field: string): HttpConnectionManager {
  return {
    statPrefix: message.statPrefix,
    routes: decodeRoutes(decoding, message, field),
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
  name: '',
  virtualHosts: [
    {
      name: 'scoped_routes',
      domains: ['*'],
      routes: [refusedRoute(['scoped_routes'])],
      retryPolicy: null,
      includeRequestAttemptCount: false,
      includeAttemptCountInResponse: false,
    },
  ],
  ignorePortInHostMatching: false,
} satisfies Extract<RouteSource, { kind: 'inline' }>['config'];
