import { isIPv4, isIPv6, type Socket } from 'node:net';
import { type Ip, parseIp, type UpstreamProxyProtocol } from '@inmesh/core';

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const VERSION_2 = 0x20;
const LOCAL = 0x0;
const PROXY = 0x1;
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
/** Of all that follows the first 16 bytes, in the two bytes that say it. */
const MAX_LENGTH = 0xffff;

/**
 * What stands before all other bytes of a connection. (PROXY protocol, versions 1 and 2)
 *
 * A sidecar tells the addresses of the application's connection to it. There is no such connection here, so it is what Envoy
 * tells of its own connections: in version 1 the socket's own addresses, in version 2 that it is local, which sends a server to those same addresses.
 * Values that the feed adds can only be told beside addresses, so then version 2 has the socket's own, too.
 */
export function proxyHeader({ version, tlvs }: UpstreamProxyProtocol, socket: Socket): Buffer {
  const { localAddress: from = '', localPort = 0, remoteAddress: to = '', remotePort = 0 } = socket;
  const ports = { localPort, remotePort };
  if (version === 'v1') return Buffer.from(lineOf(from, to, ports), 'latin1');
  if (tlvs.length === 0) return header(LOCAL, 0, Buffer.alloc(0));
  const values = tlvs.map(({ type, value }) => {
    const head = Buffer.alloc(3);
    head.writeUInt8(type, 0);
    head.writeUInt16BE(value.length, 1);
    return Buffer.concat([head, value]);
  });
  const [family, addresses] = addressesOf(from, to, ports);
  // As Envoy, without those that have no place.
  const body = [addresses];
  let length = addresses.length;
  for (const value of values) {
    if (length + value.length > MAX_LENGTH) break;
    length += value.length;
    body.push(value);
  }
  return header(PROXY, family, Buffer.concat(body));
}

interface Ports {
  readonly localPort: number;
  readonly remotePort: number;
}

function lineOf(from: string, to: string, { localPort, remotePort }: Ports): string {
  const family = isIPv4(from) && isIPv4(to) ? 'TCP4' : isIPv6(from) && isIPv6(to) ? 'TCP6' : null;
  return family === null ? 'PROXY UNKNOWN\r\n' : `PROXY ${family} ${from} ${to} ${localPort} ${remotePort}\r\n`;
}

function addressesOf(from: string, to: string, { localPort, remotePort }: Ports): [family: number, bytes: Buffer] {
  const source = parseIp(from);
  const destination = parseIp(to);
  if (source === null || destination === null || source.width !== destination.width) return [0, Buffer.alloc(0)];
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(localPort, 0);
  ports.writeUInt16BE(remotePort, 2);
  return [
    source.width === 32 ? TCP_OVER_IPV4 : TCP_OVER_IPV6,
    Buffer.concat([bytesOf(source), bytesOf(destination), ports]),
  ];
}

function header(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt8(VERSION_2 | command, 0);
  head.writeUInt8(family, 1);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([SIGNATURE, head, body]);
}

function bytesOf({ bits, width }: Ip): Buffer {
  return Buffer.from(bits.toString(16).padStart(width / 4, '0'), 'hex');
}
