import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type {
  Route as ProtoRoute,
  VirtualHost as ProtoVirtualHost,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration as ProtoRouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type { Route, RouteConfiguration, VirtualHost } from '@inmesh/core';
import { splitRepeated } from '../wire/repeated.ts';
import { type Decoding, requireValid } from './decoding.ts';
import { decodeRouteConfiguration, readRouteConfiguration, requireUniqueDomains } from './route-configuration.ts';

const configurationName = 'envoy.config.route.v3.RouteConfiguration';
const hostName = 'envoy.config.route.v3.VirtualHost';
const routeName = 'envoy.config.route.v3.Route';

/** `RouteConfiguration.virtual_hosts`. */
const hostsField = 2;

/** `VirtualHost.routes`. */
const routesField = 3;

/** Routes between two pauses, of a virtual host that is large itself. */
const routesPerStep = 16;

/** Virtual hosts between two pauses: some tenths of a millisecond on code that never ran before. */
const hostsPerStep = 4;

/** Below this many bytes a whole decode takes a millisecond or two, and steps would only cost. */
const smallBytes = 8_192;

/** A virtual host of more bytes is read some routes at a time. */
const largeHostBytes = 32_768;

/** protobuf-es's own limit, less the message around. */
const recursionLimit = 99;

/**
 * A route configuration, some virtual hosts at a time: in a mesh it holds all services of a port, and decoding those of
 * thousands whole would hold up the event loop for a tenth of a second.
 *
 * Gives what `decodeRouteConfiguration` gives. As with endpoints, whatever is wrong is left to that one to find and to word.
 */
export function* decodeRouteConfigurationInSteps(
  decoding: Decoding,
  bytes: Uint8Array,
): Generator<undefined, RouteConfiguration, undefined> {
  if (bytes.length > smallBytes) {
    try {
      const config = yield* inSteps(decoding, bytes);
      if (config !== null) return config;
    } catch {
      // Found again, in order and with its place, by the decoder of the whole.
    }
  }
  return decodeRouteConfiguration(decoding, fromBinary(messageType<ProtoRouteConfiguration>(configurationName), bytes));
}

/** Null or an exception: it has faults, or is such that it cannot be read in parts. */
function* inSteps(decoding: Decoding, bytes: Uint8Array): Generator<undefined, RouteConfiguration | null, undefined> {
  const split = splitRepeated(bytes, hostsField);
  if (split === null) return null;
  const frameType = messageType<ProtoRouteConfiguration>(configurationName);
  const frame = fromBinary(frameType, split.rest);
  // Whether VHDS brings further hosts is said beside those that are here.
  if (frame.vhds !== undefined) return null;
  requireValid(decoding, frameType, frame);
  const whole = readRouteConfiguration(decoding, frame, '');
  yield;
  const hostType = messageType<ProtoVirtualHost>(hostName);
  const virtualHosts: VirtualHost[] = [];
  for (let index = 0; index < split.spans.length; index += 2) {
    const item = bytes.subarray(split.spans[index], split.spans[index + 1]);
    if (item.length > largeHostBytes) {
      virtualHosts.push(...readRouteConfiguration(decoding, frame, '').virtualHosts);
      const host = yield* hostInSteps(decoding, frame, item);
      if (host === null) return null;
      virtualHosts.push(host);
      frame.virtualHosts = [];
      continue;
    }
    const host = fromBinary(hostType, item, { recursionLimit });
    requireValid(decoding, hostType, host);
    frame.virtualHosts.push(host);
    if (frame.virtualHosts.length < hostsPerStep && index + 2 < split.spans.length) continue;
    virtualHosts.push(...readRouteConfiguration(decoding, frame, '').virtualHosts);
    frame.virtualHosts = [];
    yield;
  }
  if (decoding.profile === 'envoy') requireUniqueDomains(virtualHosts, '');
  return { ...whole, virtualHosts };
}

/**
 * A virtual host with many routes. `frame` is the configuration around it, whose hosts it takes the place of. Null where its routes
 * cannot be read in parts.
 */
function* hostInSteps(
  decoding: Decoding,
  frame: ProtoRouteConfiguration,
  bytes: Uint8Array,
): Generator<undefined, VirtualHost | null, undefined> {
  const split = splitRepeated(bytes, routesField);
  if (split === null) return null;
  const hostType = messageType<ProtoVirtualHost>(hostName);
  const host = fromBinary(hostType, split.rest, { recursionLimit });
  // They bring routes of their own, which are told beside those that are here.
  if (host.matcher !== undefined || host.routeSpecifiers.length > 0) return null;
  requireValid(decoding, hostType, host);
  frame.virtualHosts = [host];
  const read = (): VirtualHost => readRouteConfiguration(decoding, frame, '').virtualHosts[0] as VirtualHost;
  const whole = read();
  yield;
  const routeType = messageType<ProtoRoute>(routeName);
  const routes: Route[] = [];
  for (let index = 0; index < split.spans.length; index += 2) {
    const item = bytes.subarray(split.spans[index], split.spans[index + 1]);
    const route = fromBinary(routeType, item, { recursionLimit: recursionLimit - 1 });
    requireValid(decoding, routeType, route);
    host.routes.push(route);
    if (host.routes.length < routesPerStep && index + 2 < split.spans.length) continue;
    routes.push(...read().routes);
    host.routes = [];
    yield;
  }
  return { ...whole, routes };
}
