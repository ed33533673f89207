import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { VirtualHost as ProtoVirtualHost } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration as ProtoRouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type { RouteConfiguration, VirtualHost } from '@inmesh/core';
import { splitRepeated } from '../wire/repeated.ts';
import { type Decoding, requireValid } from './decoding.ts';
import { decodeRouteConfiguration, readRouteConfiguration, requireUniqueDomains } from './route-configuration.ts';

const configurationName = 'envoy.config.route.v3.RouteConfiguration';
const hostName = 'envoy.config.route.v3.VirtualHost';

/** `RouteConfiguration.virtual_hosts`. */
const hostsField = 2;

/** Virtual hosts between two pauses: some tenths of a millisecond on code that never ran before. */
const hostsPerStep = 4;

/** Below this many bytes a whole decode takes a millisecond or two, and steps would only cost. */
const smallBytes = 8_192;

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
