import type { Any, Duration } from '@bufbuild/protobuf/wkt';
import type {
  GrpcKeyBuilder as ProtoKeyBuilder,
  RouteLookupConfig as ProtoRouteLookupConfig,
  RouteLookupClusterSpecifier,
} from '@inmesh/api/gen/grpc/lookup/v1/rls_config_pb';
import type { GrpcKeyBuilder, RouteLookupConfig } from '@inmesh/core';
import { milliseconds, Refusal, unpackUnchecked } from './decoding.ts';

export const ROUTE_LOOKUP = 'grpc.lookup.v1.RouteLookupClusterSpecifier';

/** gRPC's, for the age of answers that may be used. */
const MAX_AGE_MS = 300_000;
const DEFAULT_TIMEOUT_MS = 10_000;
/** As the comments of gRPC have it; grpc-go's code takes eight times as much. */
const MAX_CACHE_BYTES = 5 * 1024 * 1024;
const SCHEMES: ReadonlySet<string> = new Set(['dns', 'ipv4', 'ipv6', 'passthrough', 'unix', 'unix-abstract']);

/** What gRPC reads of it, and what it refuses; `http_keybuilders`, `valid_targets` and the processing strategy it leaves unread. */
export function decodeRouteLookup(any: Any, field: string): RouteLookupConfig {
  const { routeLookupConfig: message } = unpackUnchecked<RouteLookupClusterSpecifier>(any, ROUTE_LOOKUP, field);
  const place = `${field}.route_lookup_config`;
  if (message === undefined) throw new Refusal(place, 'value is required');
  const bytes = Number(message.cacheSizeBytes);
  if (bytes <= 0) throw new Refusal(`${place}.cache_size_bytes`, 'must be greater than 0');
  return {
    keyBuilders: decodeKeyBuilders(message.grpcKeybuilders, `${place}.grpc_keybuilders`),
    lookupService: requireTarget(message.lookupService, `${place}.lookup_service`),
    lookupServiceTimeoutMs: duration(message.lookupServiceTimeout, DEFAULT_TIMEOUT_MS),
    ...decodeAges(message, place),
    cacheSizeBytes: Math.min(bytes, MAX_CACHE_BYTES),
    defaultTarget: message.defaultTarget,
  };
}

/** `max_age` is cut only where answers are not asked for anew: otherwise a server that is away would end what works. */
function decodeAges(
  { maxAge, staleAge }: ProtoRouteLookupConfig,
  field: string,
): Pick<RouteLookupConfig, 'maxAgeMs' | 'staleAgeMs'> {
  const max = duration(maxAge, 0);
  const stale = duration(staleAge, 0);
  if (stale > 0 && max === 0) throw new Refusal(`${field}.stale_age`, 'needs max_age beside it');
  const maxAgeMs = max === 0 || (stale === 0 && max > MAX_AGE_MS) ? MAX_AGE_MS : max;
  const staleAgeMs = stale === 0 ? maxAgeMs : Math.min(stale, MAX_AGE_MS, maxAgeMs);
  return { maxAgeMs, staleAgeMs };
}

function decodeKeyBuilders(messages: readonly ProtoKeyBuilder[], field: string): GrpcKeyBuilder[] {
  if (messages.length === 0) throw new Refusal(field, 'at least one is required');
  const paths = new Set<string>();
  return messages.map((message, index) => {
    const place = `${field}[${index}]`;
    if (message.names.length === 0) throw new Refusal(`${place}.names`, 'at least one is required');
    for (const [position, { service, method }] of message.names.entries()) {
      const name = `${place}.names[${position}]`;
      if (service === '') throw new Refusal(`${name}.service`, 'value is required');
      if (method.includes('/')) throw new Refusal(`${name}.method`, 'must have no slash');
      const path = `/${service}/${method}`;
      if (paths.has(path)) throw new Refusal(name, `${path} has a key builder already`);
      paths.add(path);
    }
    return decodeKeyBuilder(message, place);
  });
}

function decodeKeyBuilder({ names, headers, extraKeys, constantKeys }: ProtoKeyBuilder, field: string): GrpcKeyBuilder {
  const extra = { host: extraKeys?.host ?? '', service: extraKeys?.service ?? '', method: extraKeys?.method ?? '' };
  const seen = new Set<string>();
  const claim = (key: string, place: string): void => {
    if (key === '') throw new Refusal(place, 'a key must not be empty');
    if (seen.has(key)) throw new Refusal(place, `the key "${key}" is used twice`);
    seen.add(key);
  };
  for (const key of Object.keys(constantKeys)) claim(key, `${field}.constant_keys`);
  for (const [index, { key, requiredMatch, names }] of headers.entries()) {
    const place = `${field}.headers[${index}]`;
    if (requiredMatch) throw new Refusal(`${place}.required_match`, 'must not be set');
    claim(key, `${place}.key`);
    if (names.length === 0) throw new Refusal(`${place}.names`, 'at least one is required');
  }
  for (const [name, key] of Object.entries(extra)) if (key !== '') claim(key, `${field}.extra_keys.${name}`);
  return {
    names: names.map(({ service, method }) => ({ service, method })),
    headers: headers.map(({ key, names }) => ({ key, names: names.map((name) => name.toLowerCase()) })),
    extraKeys: extra,
    constantKeys: { ...constantKeys },
  };
}

function requireTarget(target: string, field: string): string {
  if (target === '') throw new Refusal(field, 'value is required');
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(target)?.[1];
  if (scheme === undefined || SCHEMES.has(scheme)) return target;
  throw new Refusal(field, `the scheme of ${target} is not known`);
}

function duration(value: Duration | undefined, fallback: number): number {
  return value === undefined || milliseconds(value) <= 0 ? fallback : milliseconds(value);
}
