import type { Kind } from '@inmesh/core';
import type { Verdict } from '../ads/second-hand.ts';

/** Raised when either side would misread the other; peers of different versions do not share. */
export const SHARE_PROTOCOL = 1;

/** From whoever takes the feed at second hand. */
export type GuestMessage =
  | {
      readonly type: 'hello';
      readonly protocol: number;
      /** Of inmesh: what one version accepts another may read differently. */
      readonly version: string;
      /** What must be equal for a feed to be shared: servers, node … */
      readonly key: string;
    }
  /** Names that are wanted or not any more, and whether all of the kind is. */
  | {
      readonly type: 'want';
      readonly kind: Kind;
      readonly add: readonly string[];
      readonly remove: readonly string[];
      readonly all: boolean;
    }
  /** The last part was taken. Until then no further one is sent, so that a slow guest costs its host no memory. */
  | { readonly type: 'next' };

/** One resource of a part; its bytes follow the head, in order. */
export interface SharedResource {
  readonly name: string;
  readonly version: string;
  readonly size: number;
}

/** From whoever has the feed. */
export type HostMessage =
  /** Not to be shared with this guest, ever. */
  | { readonly type: 'refused'; readonly reason: string }
  /** How the control plane is. */
  | {
      readonly type: 'state';
      readonly controlPlane: string;
      readonly connected: boolean;
      readonly outage: string | null;
    }
  /** A part of an update, applied as a whole with its last part. */
  | {
      readonly type: 'part';
      readonly kind: Kind;
      /** Of an update for a guest that wants all of the kind. */
      readonly all: boolean;
      readonly last: boolean;
      readonly resources: readonly SharedResource[];
      readonly verdicts: readonly Verdict[];
    };

const lengthBytes = 4;

/** A message on the wire: the length of its head (4 bytes, big-endian), the head as JSON, then the bytes of resources. */
export function encodeMessage(head: GuestMessage | HostMessage, blobs: readonly Uint8Array[] = []): Uint8Array {
  const json = Buffer.from(JSON.stringify(head));
  const length = blobs.reduce((sum, blob) => sum + blob.length, lengthBytes + json.length);
  // Of its own memory, because a carrier may hand it over to another thread.
  const message = new Uint8Array(length);
  new DataView(message.buffer).setUint32(0, json.length);
  message.set(json, lengthBytes);
  let at = lengthBytes + json.length;
  for (const blob of blobs) {
    message.set(blob, at);
    at += blob.length;
  }
  return message;
}

/** The head and what follows it. Throws where it is no message; that it is one of this protocol is told by its `type` alone, because both sides are of one version. */
export function decodeMessage<M extends GuestMessage | HostMessage>(
  message: Uint8Array,
): { readonly head: M; readonly body: Uint8Array } {
  const bytes = Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const end = lengthBytes + bytes.readUInt32BE(0);
  if (end > bytes.length) throw new RangeError('a message ends within its head');
  return { head: JSON.parse(bytes.toString('utf8', lengthBytes, end)) as M, body: bytes.subarray(end) };
}
