import type { CidrRange } from '../model/matcher.ts';

/** An IP address as a number. */
export interface Ip {
  readonly bits: bigint;
  readonly width: 32 | 128;
}

/** True for an address, as text, in one of the ranges. An IPv4 address inside an IPv6 one is no IPv4 address, as in Envoy. */
export function compileRanges(ranges: readonly CidrRange[]): (address: string) => boolean {
  const parsed = ranges.flatMap(({ address, length }) => {
    const ip = parseIp(address);
    if (ip === null) return [];
    const shift = BigInt(Math.max(0, ip.width - length));
    return [{ width: ip.width, shift, bits: ip.bits >> shift }];
  });
  return (address) => {
    const ip = parseIp(address);
    return ip !== null && parsed.some(({ width, shift, bits }) => width === ip.width && ip.bits >> shift === bits);
  };
}

/** Null for what is no IP address. */
export function parseIp(text: string): Ip | null {
  if (text.includes(':')) return parseIpv6(text);
  const bits = parseIpv4(text);
  return bits === null ? null : { bits, width: 32 };
}

function parseIpv4(text: string): bigint | null {
  const parts = text.split('.');
  if (parts.length !== 4) return null;
  let bits = 0n;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return null;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function parseIpv6(text: string): Ip | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1);
  const tail = last?.at(-1);
  if (last !== undefined && tail?.includes('.')) {
    const bits = parseIpv4(tail);
    if (bits === null) return null;
    last.splice(-1, 1, (bits >> 16n).toString(16), (bits & 0xffffn).toString(16));
  }
  const [head = [], rest = []] = groups;
  const missing = 8 - head.length - rest.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  let bits = 0n;
  for (const group of [...head, ...Array<string>(halves.length === 1 ? 0 : missing).fill('0'), ...rest]) {
    if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
    bits = (bits << 16n) | BigInt(`0x${group}`);
  }
  return { bits, width: 128 };
}
