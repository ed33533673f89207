import type { HttpConnectionManager } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { type Decoding, Refusal } from '../decoding.ts';
import { requireAdsOrSelf } from './config-source.ts';
import { requireFilters } from './filter-rules.ts';

export const MANAGER = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

/** gRFC A27, A39, A41. `side`: gRPC has filters for one side only. */
export function requireManager(
  decoding: Decoding,
  message: HttpConnectionManager,
  field: string,
  side: 'client' | 'server',
): void {
  if (message.xffNumTrustedHops !== 0) {
    throw new Refusal(`${field}.xff_num_trusted_hops`, 'must be unset or zero');
  }
  if (message.originalIpDetectionExtensions.length > 0) {
    throw new Refusal(`${field}.original_ip_detection_extensions`, 'must be empty');
  }
  requireRouteSource(message, field);
  requireFilters(decoding, message.httpFilters, `${field}.http_filters`, side);
}

/** Routes inline are looked at where they are decoded. */
function requireRouteSource({ routeSpecifier }: HttpConnectionManager, field: string): void {
  switch (routeSpecifier.case) {
    case 'rds': {
      const { configSource, routeConfigName } = routeSpecifier.value;
      requireAdsOrSelf(configSource, `${field}.rds.config_source`);
      if (routeConfigName === '') throw new Refusal(`${field}.rds.route_config_name`, 'is empty');
      return;
    }
    case 'routeConfig':
      return;
    case 'scopedRoutes':
      throw new Refusal(`${field}.scoped_routes`, 'is not supported by gRPC: give rds or route_config');
    default:
      throw new Refusal(`${field}.route_specifier`, 'value is required');
  }
}
