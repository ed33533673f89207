import type { Headers } from '../headers.ts';

/** Of the connection that a request came by; those of the one that it leaves by are its codec's. (RFC 9110, 7.6.1) */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);
/** What only callers inside the mesh may ask of a proxy. (envoy: ConnectionManagerUtility::mutateRequestHeaders) */
const INTERNAL_ONLY: ReadonlySet<string> = new Set([
  'x-envoy-retry-on',
  'x-envoy-retry-grpc-on',
  'x-envoy-max-retries',
  'x-envoy-upstream-alt-stat-name',
  'x-envoy-upstream-rq-timeout-ms',
  'x-envoy-upstream-rq-per-try-timeout-ms',
  'x-envoy-upstream-rq-timeout-alt-response',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-force-trace',
  'x-envoy-ip-tags',
  'x-envoy-original-url',
  'x-envoy-hedge-on-per-try-timeout',
  'x-envoy-retriable-status-codes',
  'x-envoy-retriable-header-names',
]);
/** What only the edge of the mesh may say of a caller outside it. */
const EDGE_ONLY: ReadonlySet<string> = new Set([
  'x-envoy-decorator-operation',
  'x-envoy-downstream-service-cluster',
  'x-envoy-downstream-service-node',
  'x-envoy-original-path',
  'x-envoy-original-host',
]);

export interface SanitizeRules {
  readonly forwardsClientCert: boolean;
  /** The request enters the mesh here. */
  readonly edge: boolean;
}

/** Takes off what a request says of the connection that it came by, and what its sender may not ask. */
export function sanitize(headers: Headers, rules: SanitizeRules): void {
  const pairs = headers.flat();
  for (let i = 0; i < pairs.length; i += 2) {
    if (!isSuspect(pairs[i] as string)) continue;
    remove(headers, rules);
    return;
  }
}

/** Cheap, because every header of every request is asked; it may err on the side of suspicion. */
function isSuspect(name: string): boolean {
  switch (name.charCodeAt(0) | 32) {
    case 99: // connection
      return name.length === 10;
    case 101: // expect
      return name.length === 6;
    case 107: // keep-alive
      return name.length === 10;
    case 112: // proxy-connection
      return name.length === 16;
    case 116: // te, transfer-encoding
      return name.length === 2 || name.length === 17;
    case 117: // upgrade
      return name.length === 7;
    case 120: // x-envoy-…, x-forwarded-client-cert
      return (name.charCodeAt(2) | 32) === 101 || name.length === 23;
    default:
      return false;
  }
}

function remove(headers: Headers, { forwardsClientCert, edge }: SanitizeRules): void {
  const nominated = nominatedBy(headers.get('connection'));
  for (const name of new Set(Object.keys(headers.record()))) {
    const goes =
      HOP_BY_HOP.has(name) ||
      nominated.has(name) ||
      name === 'x-envoy-internal' ||
      (name === 'x-forwarded-client-cert' && !forwardsClientCert) ||
      INTERNAL_ONLY.has(name) ||
      (edge && EDGE_ONLY.has(name));
    if (goes) headers.delete(name);
  }
  const te = headers.get('te');
  if (te !== undefined && te !== 'trailers') {
    if (tokens(te).includes('trailers')) headers.set('te', 'trailers');
    else headers.delete('te');
  }
  // Who asks to be told before it sends its body has it in memory here, or reads it when it is wanted: there is nothing to tell.
  if (headers.get('expect')?.toLowerCase() === '100-continue') headers.delete('expect');
}

/** The headers that `connection` says are of the connection alone. */
function nominatedBy(connection: string | undefined): ReadonlySet<string> {
  if (connection === undefined) return NONE;
  return new Set(tokens(connection).filter((name) => !NEVER_NOMINATED.has(name)));
}

const NONE: ReadonlySet<string> = new Set();
/** Words of `connection` that are no headers, and one that says itself what of it goes on. */
const NEVER_NOMINATED: ReadonlySet<string> = new Set(['close', 'te']);

function tokens(value: string): string[] {
  return value.split(',').map((token) => token.trim().toLowerCase());
}
