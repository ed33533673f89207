import { createHash } from 'node:crypto';
import type { Kind } from '@inmesh/core';
import { allKinds, kinds } from '../kinds.ts';

/** A service that was called. */
export interface StoredService {
  /** Host and port, which name the listener. */
  readonly target: string;
  /** The `Host` that it was called with. */
  readonly authority: string;
  /** Milliseconds since the epoch at which it was last known to be in use. */
  readonly usedAt: number;
}

export interface StoredResource {
  readonly kind: Kind;
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** What one file holds. */
export interface StoredFeed {
  /** Whose feed it is: node and control plane. */
  readonly key: string;
  readonly services: readonly StoredService[];
  readonly resources: readonly StoredResource[];
}

/** Goes up with each change that an older reader would misread; there is no reading of other versions, because the feed is only remembered. */
const VERSION = '1';
const MAGIC = 'inmesh-feed';

const KINDS: ReadonlySet<unknown> = new Set(allKinds.filter((kind) => !kinds[kind].sensitive));

/**
 * A line with format, version and checksum of the rest; then a line of JSON for each record: first the key, then services
 * and resources. In steps, because it can be megabytes.
 */
export function* encodeFeed({ key, services, resources }: StoredFeed): Generator<undefined, Uint8Array, undefined> {
  const hash = createHash('sha256');
  const parts: Buffer[] = [];
  const add = (record: object): void => {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    hash.update(line);
    parts.push(line);
  };
  add({ key });
  for (const service of services) add({ service });
  for (const { bytes, ...resource } of resources) {
    add({ resource: { ...resource, bytes: Buffer.from(bytes).toString('base64') } });
    yield;
  }
  return Buffer.concat([Buffer.from(`${MAGIC} ${VERSION} ${hash.digest('hex')}\n`), ...parts]);
}

/** Throws with the reason for bytes that are not a feed of this version, whole and as it was written. */
export function decodeFeed(bytes: Uint8Array): StoredFeed {
  const text = Buffer.from(bytes).toString();
  const end = text.indexOf('\n');
  const [magic, version, sum] = text.slice(0, Math.max(end, 0)).split(' ');
  if (magic !== MAGIC) throw new TypeError('it is no remembered feed');
  if (version !== VERSION) throw new TypeError(`it has format version ${version}, and this is ${VERSION}`);
  const body = text.slice(end + 1);
  if (checksum(body) !== sum) throw new TypeError('its checksum is wrong: it is damaged');
  const [first, ...lines] = body.trimEnd().split('\n');
  const services: StoredService[] = [];
  const resources: StoredResource[] = [];
  for (const line of lines) {
    const record = JSON.parse(line);
    if (record.service !== undefined) services.push(readService(record.service));
    else resources.push(readResource(record.resource));
  }
  return { key: textOf(JSON.parse(first ?? '{}').key), services, resources };
}

function readService({ target, authority, usedAt }: Readonly<Record<string, unknown>>): StoredService {
  if (typeof usedAt !== 'number') throw new TypeError('a service has no time');
  return { target: textOf(target), authority: textOf(authority), usedAt };
}

function readResource({ kind, name, version, bytes }: Readonly<Record<string, unknown>>): StoredResource {
  if (!KINDS.has(kind)) throw new TypeError(`it has a resource of the unknown kind "${kind}"`);
  const own = new Uint8Array(Buffer.from(textOf(bytes), 'base64'));
  return { kind: kind as Kind, name: textOf(name), version: textOf(version), bytes: own };
}

function textOf(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('a field is no text');
  return value;
}

function checksum(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}
