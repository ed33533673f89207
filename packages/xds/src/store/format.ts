import { createHash } from 'node:crypto';
import type { Kind } from '@inmesh/core';
import type { KnownListener } from '../flavour/listener-memory.ts';
import { allKinds, kinds } from '../kinds.ts';

/** A service that was called. */
export interface StoredService {
  /** Host and port, which name the listener. */
  readonly target: string;
  /** The `Host` that it was called with. */
  readonly authority: string;
  /** Milliseconds since the epoch at which it was last known to be in use, or not to be the mesh's. */
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
  /** Whose feed it is: node and control planes. */
  readonly key: string;
  readonly services: readonly StoredService[];
  /** Called, too, and not the mesh's. */
  readonly outside: readonly StoredService[];
  /** The index of a feed of whole types; null where there is none. */
  readonly listeners: readonly KnownListener[] | null;
  readonly resources: readonly StoredResource[];
}

/** Goes up with each change that an older reader would misread; there is no reading of other versions, because the feed is only remembered. */
const VERSION = '2';
const MAGIC = 'inmesh-feed';

const KINDS: ReadonlySet<unknown> = new Set(allKinds.filter((kind) => !kinds[kind].sensitive));

/** Listeners of an index in one record. */
const listenersAtOnce = 200;

/** Bytes of a resource that are turned into text in one step; without a rest when divided by 3, so that the parts of base64 fit together. */
const bytesAtOnce = 192 * 1024;

/**
 * A line with format, version and checksum of the rest; then a line of JSON for each record: first the key, then services, the
 * index and resources. In steps, because it can be megabytes.
 */
export function* encodeFeed(feed: StoredFeed): Generator<undefined, Uint8Array, undefined> {
  const { key, services, outside, listeners, resources } = feed;
  const hash = createHash('sha256');
  const parts: Buffer[] = [];
  const addText = (text: string, encoding: 'utf8' | 'latin1' = 'utf8'): void => {
    const part = Buffer.from(text, encoding);
    hash.update(part);
    parts.push(part);
  };
  const add = (record: object): void => addText(`${JSON.stringify(record)}\n`);
  add({ key });
  for (const service of services) add({ service });
  for (const service of outside) add({ outside: service });
  if (listeners !== null) {
    // At least one, so that an index with nothing in it can be told from none.
    for (let at = 0; at === 0 || at < listeners.length; at += listenersAtOnce) {
      add({ listeners: listeners.slice(at, at + listenersAtOnce) });
      yield;
    }
  }
  for (const { bytes, ...resource } of resources) {
    addText(`${JSON.stringify({ resource }).slice(0, -2)},"bytes":"`);
    for (let at = 0; at < bytes.length; at += bytesAtOnce) {
      addText(Buffer.from(bytes.subarray(at, at + bytesAtOnce)).toString('base64'), 'latin1');
      yield;
    }
    addText('"}}\n');
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
  const outside: StoredService[] = [];
  const resources: StoredResource[] = [];
  let listeners: KnownListener[] | null = null;
  for (const line of lines) {
    const record = JSON.parse(line);
    if (record.service !== undefined) services.push(readService(record.service));
    else if (record.outside !== undefined) outside.push(readService(record.outside));
    else if (record.listeners !== undefined) listeners = [...(listeners ?? []), ...record.listeners.map(readListener)];
    else resources.push(readResource(record.resource));
  }
  return { key: textOf(JSON.parse(first ?? '{}').key), services, outside, listeners, resources };
}

function readService({ target, authority, usedAt }: Readonly<Record<string, unknown>>): StoredService {
  if (typeof usedAt !== 'number') throw new TypeError('a service has no time');
  return { target: textOf(target), authority: textOf(authority), usedAt };
}

function readListener({ name, ways }: Readonly<Record<string, unknown>>): KnownListener {
  if (!Array.isArray(ways)) throw new TypeError('a listener has no ways');
  return { name: textOf(name), ways: ways.map(([key, chain]) => [textOf(key), textOf(chain)] as const) };
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
