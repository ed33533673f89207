import { fromBinary } from '@bufbuild/protobuf';
import { messageType, typeNameOf } from '@inmesh/api';
import type { Address as ProtoAddress } from '@inmesh/api/gen/envoy/config/core/v3/address_pb';
import type { Metadata } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { Endpoint } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_components_pb';
import type { Address, EndpointConfig } from '@inmesh/core';
import { decodeAddress, type HostRule } from './address.ts';
import { Refusal } from './decoding.ts';

const ADDRESS = 'envoy.config.core.v3.Address';
/** Where the proxy of a host stands in its typed metadata. (Http11ProxyUpstreamTransport) */
const PROXY = 'envoy.http11_proxy_transport_socket.proxy_address';

/** Nothing at all where there is nothing, so that hosts without stay small. Clusters that look names up have one address each, as in Envoy. */
export function additionalAddresses(
  { additionalAddresses: more }: Endpoint,
  field: string,
  hosts: HostRule,
): Pick<EndpointConfig, 'additionalAddresses'> {
  if (more.length === 0 || hosts === 'name') return {};
  const addresses: Address[] = [];
  for (const [index, { address }] of more.entries()) {
    const decoded = decodeAddress(address, `${field}.additional_addresses[${index}].address`, hosts);
    if (decoded !== null) addresses.push(decoded);
  }
  return addresses.length === 0 ? {} : { additionalAddresses: addresses };
}

/** A proxy that cannot be read is no reason to go around it: the resource is refused. */
export function proxyAddress(metadata: Metadata | undefined, field: string): Pick<EndpointConfig, 'proxyAddress'> {
  const any = metadata?.typedFilterMetadata[PROXY];
  if (any === undefined) return {};
  const place = `${field}.metadata.typed_filter_metadata["${PROXY}"]`;
  if (typeNameOf(any.typeUrl) !== ADDRESS) throw new Refusal(place, `is no ${ADDRESS}`);
  let message: ProtoAddress;
  try {
    message = fromBinary(messageType<ProtoAddress>(ADDRESS), any.value);
  } catch (cause) {
    throw new Refusal(place, `is no ${ADDRESS}`, { cause });
  }
  const address = decodeAddress(message, place, 'ip');
  if (address === null) throw new Refusal(place, 'is inside of Envoy, where nobody else can go');
  return { proxyAddress: address };
}
