import { isIP } from 'node:net';
import type { Address as ProtoAddress } from '@inmesh/api/gen/envoy/config/core/v3/address_pb';
import type { Address } from '@inmesh/core';
import { Refusal } from './decoding.ts';

/** Whether names are looked up: EDS and STATIC clusters take IP addresses only, as in Envoy. */
export type HostRule = 'ip' | 'name';

/** Null for an address inside the process (`envoy_internal_address`, HBONE), which this version cannot dial. */
export function decodeAddress(address: ProtoAddress | undefined, field: string, hosts: HostRule): Address | null {
  const kind = address?.address;
  switch (kind?.case) {
    case 'socketAddress': {
      const { address: host, portSpecifier } = kind.value;
      if (portSpecifier.case !== 'portValue') {
        throw new Refusal(`${field}.socket_address.named_port`, 'ports need a number');
      }
      if (hosts === 'ip' && isIP(host) === 0) {
        const remedy = "use an IP address, or set the cluster's type to STRICT_DNS or LOGICAL_DNS";
        throw new Refusal(`${field}.socket_address.address`, `malformed IP address: ${host}; ${remedy}`);
      }
      return { kind: 'socket', host, port: portSpecifier.value };
    }
    case 'pipe':
      return { kind: 'pipe', path: kind.value.path };
    case 'envoyInternalAddress':
      return null;
    default:
      throw new Refusal(field, 'value is required');
  }
}
