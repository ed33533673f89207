import type { Call } from '../call.ts';
import { parseIp } from '../match/ip.ts';
import type { UpstreamTlsContext } from '../model/transport-socket.ts';
import type { UpstreamProtocol } from '../model/upstream-protocol.ts';
import { withoutPort } from '../router/domains.ts';
import type { ExpectedNames } from './connection-key.ts';
import type { Endpoint } from './endpoint.ts';

/** What TLS allows. (RFC 6066) */
const MAX_BYTES = 255;

/** What calls and hosts say of names, as one string that names are made of; empty where neither is asked. */
export type SaidNames = (endpoint: Endpoint, call: Call) => string;

/** The names of a connection's TLS. */
export interface ServerNames {
  /** As in `ConnectionKey`. */
  readonly sni: string | null;
  readonly expected: ExpectedNames | null;
  /** True for a name that TLS cannot tell: such a connection must not be made without it. */
  readonly tooLong: boolean;
}

/** Stands between the two, where both are asked: no authority and no host name has it. */
const BETWEEN = '\n';

/** Null where neither calls nor hosts are asked: one set of names is for all. */
export function compileSaid(protocol: UpstreamProtocol, tls: UpstreamTlsContext): SaidNames | null {
  const byCall = protocol.autoSni || protocol.autoSanValidation;
  const header = protocol.overrideAutoSniHeader;
  const ofCall = (call: Call): string => {
    const overriding = header === '' ? '' : (call.head.headers.get(header) ?? '');
    return overriding === '' ? (call.routedAuthority ?? call.head.authority) : overriding;
  };
  if (!tls.autoHostSni) return byCall ? (_, call) => ofCall(call) : null;
  if (!byCall) return ({ config }) => BETWEEN + config.hostname;
  return ({ config }, call) => ofCall(call) + BETWEEN + config.hostname;
}

/**
 * In Envoy's order: the name that the call is for, unless it is an IP address (`auto_sni`), the host's own (`auto_host_sni`), that of the
 * configuration. An IP address is never told as a server name. (RFC 6066)
 */
export function serverNames(protocol: UpstreamProtocol, tls: UpstreamTlsContext, said: string): ServerNames {
  const [authority = '', hostname = ''] = said.split(BETWEEN);
  const called = bare(authority);
  const override = protocol.autoSni && called !== '' && parseIp(called) === null ? called : hostname;
  const name = override === '' ? tls.sni : override;
  const sni = parseIp(name) === null ? name : '';
  return {
    sni: sni === tls.sni ? null : sni,
    expected: expectedOf(protocol, tls, called, sni),
    tooLong: Buffer.byteLength(sni) > MAX_BYTES,
  };
}

function expectedOf(
  protocol: UpstreamProtocol,
  tls: UpstreamTlsContext,
  called: string,
  sni: string,
): ExpectedNames | null {
  if (protocol.autoSanValidation) return { rule: 'also', names: [called] };
  return tls.autoSniSanValidation && sni !== '' ? { rule: 'instead', names: [sni] } : null;
}

/** Without port and brackets. */
function bare(authority: string): string {
  const host = withoutPort(authority);
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}
