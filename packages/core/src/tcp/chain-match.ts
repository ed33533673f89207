import { type Ip, parseIp } from '../match/ip.ts';
import type { FilterChain } from '../model/listener.ts';
import type { CidrRange } from '../model/matcher.ts';

/** What a client knows of a connection before it is there. */
export interface TcpDestination {
  /** As the caller names it: a name, or an IP address. */
  readonly host: string;
  readonly port: number;
  /** The name that the caller's own TLS will tell; empty where it speaks none, or tells none. */
  readonly serverName: string;
  /** The caller will speak TLS itself. */
  readonly tls: boolean;
}

/**
 * The chain that Envoy would take: by port, address, server name, transport protocol, application protocol, in this order, and by
 * each the most specific of those that are left; it never goes back to one that it has passed over. Null for none.
 */
export function matchChain(
  chains: readonly FilterChain[],
  { host, port, ...secure }: TcpDestination,
): FilterChain | null {
  const address = parseIp(host);
  const name = secure.serverName.toLowerCase();
  const transport = secure.tls ? 'tls' : 'raw_buffer';
  let left = chains.filter(({ isDefault, match }) => isDefault !== true && !match.bySource);
  left = best(left, (chain) => (chain.port === null ? 0 : chain.port === port ? 1 : -1));
  left = best(left, ({ match }) => narrowest(match.prefixRanges, address));
  left = best(left, ({ match }) => closest(match.serverNames, name));
  left = best(left, ({ match }) =>
    match.transportProtocol === '' ? 0 : match.transportProtocol === transport ? 1 : -1,
  );
  // What the bytes are is known to nobody.
  left = best(left, ({ match }) => (match.applicationProtocols.length === 0 ? 0 : -1));
  return left[0] ?? chains.find(({ isDefault }) => isDefault === true) ?? null;
}

/** Those with the highest score; none where it is negative. */
function best(chains: readonly FilterChain[], score: (chain: FilterChain) => number): FilterChain[] {
  const scores = chains.map(score);
  const highest = Math.max(0, ...scores);
  return chains.filter((_, index) => scores[index] === highest);
}

function narrowest(ranges: readonly CidrRange[], address: Ip | null): number {
  if (ranges.length === 0) return 0;
  if (address === null) return -1;
  return Math.max(
    -1,
    ...ranges.map((range) => {
      const first = parseIp(range.address);
      if (first === null || first.width !== address.width) return -1;
      const shift = BigInt(Math.max(0, first.width - range.length));
      return first.bits >> shift === address.bits >> shift ? 1 + range.length : -1;
    }),
  );
}

/** The name itself before the longest `*.` that it ends with. */
function closest(names: readonly string[], name: string): number {
  if (names.length === 0) return 0;
  if (name === '') return -1;
  return Math.max(
    ...names.map((each) => {
      if (each === name) return Number.POSITIVE_INFINITY;
      return each.startsWith('*.') && name.endsWith(each.slice(1)) ? each.length : -1;
    }),
  );
}
