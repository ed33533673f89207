import { type EndpointWish, MeshError, type MeshErrorCode } from '@inmesh/core';
import { OVERRIDE_HEADER, type OverrideFields, OverrideSet } from './override-set.ts';

/** Says what is wrong where, in the words of whoever wrote it. */
type Complain = (what: string) => MeshError;

const FIELDS: ReadonlySet<string> = new Set(['route', 'endpoint', 'headers', 'timeout', 'retries', 'passOn']);

/** What the connection and the mesh decide; a call cannot have another word for them. */
const NOT_TO_SET: ReadonlySet<string> = new Set([
  OVERRIDE_HEADER,
  ...['host', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade', 'expect'],
  ...['transfer-encoding', 'content-length'],
]);

/** Makes overrides ready. Throws a MeshError that names the field; `code` says whose mistake it is. */
export function readOverrides(value: unknown, code: MeshErrorCode = 'invalid_config'): OverrideSet {
  const complain: Complain = (what) => new MeshError(code, `overrides: ${what}`);
  const given = asObject(value, 'they', complain);
  const unknown = Object.keys(given).find((key) => !FIELDS.has(key));
  if (unknown !== undefined) throw complain(`there is no field "${unknown}", but ${[...FIELDS].join(', ')}`);
  const fields: OverrideFields = {
    route: byService(given.route, 'route', complain, clusterName),
    endpoint: byService(given.endpoint, 'endpoint', complain, endpointWish),
    headers: headersOf(given.headers, complain),
    timeoutMs: timeoutOf(given.timeout, complain),
    retries: flag(given.retries, 'retries', [false], complain),
    passOn: flag(given.passOn, 'passOn', [true, false], complain),
  };
  return new OverrideSet(fields);
}

/** `reviews` → `reviews:80`; null where it is no host with a port or without. */
export function serviceKey(name: string): string | null {
  const [, host, port = '80'] = /^([^\s:/?#@[\]]+|\[[\da-f:]+\])(?::(\d{1,5}))?$/i.exec(name) ?? [];
  return host === undefined ? null : `${host.toLowerCase()}:${Number(port)}`;
}

function byService<T>(
  value: unknown,
  field: string,
  complain: Complain,
  read: (value: unknown, where: string, complain: Complain) => T,
): ReadonlyMap<string, T> {
  if (value === undefined) return new Map();
  return new Map(
    Object.entries(asObject(value, field, complain)).map(([service, wish]) => {
      const key = serviceKey(service);
      if (key === null) throw complain(`${field}: "${service}" is no service; write reviews:9080`);
      return [key, read(wish, `${field}: ${service}`, complain)];
    }),
  );
}

function clusterName(value: unknown, where: string, complain: Complain): string {
  if (typeof value === 'string' && value !== '') return value;
  throw complain(`${where}: give the name of a cluster`);
}

function endpointWish(value: unknown, where: string, complain: Complain): EndpointWish {
  if (typeof value === 'string' && value !== '') return { kind: 'address', address: value };
  const labels = typeof value === 'string' ? {} : asObject(value, where, complain);
  if (Object.keys(labels).length > 0) return { kind: 'metadata', labels };
  throw complain(`${where}: give an address such as 10.0.0.7:9080, or metadata such as { version: 'v2' }`);
}

function headersOf(value: unknown, complain: Complain): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  if (value === undefined) return headers;
  for (const [written, text] of Object.entries(asObject(value, 'headers', complain))) {
    const name = written.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~\da-z-]+$/.test(name)) throw complain(`headers: "${written}" is no name of a header`);
    if (NOT_TO_SET.has(name)) throw complain(`headers: ${written} is not a caller's to set`);
    if (typeof text !== 'string' || !/^[\t -~\x80-\xff]*$/.test(text)) {
      throw complain(`headers: ${written}: give a text of Latin-1 characters, without line breaks`);
    }
    headers.set(name, text);
  }
  return headers;
}

function timeoutOf(value: unknown, complain: Complain): number | null {
  if (value === undefined) return null;
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31) return value as number;
  throw complain(`timeout: ${shown(value)} is no whole number of milliseconds from 0 to ${2 ** 31 - 1}`);
}

function flag(value: unknown, field: string, allowed: readonly boolean[], complain: Complain): boolean | null {
  if (value === undefined) return null;
  if (typeof value === 'boolean' && allowed.includes(value)) return value;
  throw complain(`${field}: ${shown(value)} is not ${allowed.join(' or ')}`);
}

function asObject(value: unknown, where: string, complain: Complain): { readonly [key: string]: unknown } {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw complain(`${where}: ${shown(value)} is no object`);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value}"` : Array.isArray(value) ? 'a list' : String(value);
}
