import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';

/** A serialized message without one of its repeated message fields, and where the items of that field lie. */
export interface Split {
  /** The other fields, serialized as they were. */
  readonly rest: Uint8Array;
  /** Start and end of each item within the message, one after the other: `[start, end, start, end …]`. */
  readonly spans: readonly number[];
}

/**
 * Takes a repeated message field out of a serialized message without decoding it, so that a message with thousands of items
 * can be decoded item by item. Null where the bytes are no message: the decoder of the whole then finds the words for it.
 */
export function splitRepeated(bytes: Uint8Array, fieldNumber: number): Split | null {
  const reader = new BinaryReader(bytes);
  const spans: number[] = [];
  const rest: Uint8Array[] = [];
  try {
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [number, wireType] = reader.tag();
      if (number !== fieldNumber) {
        reader.skip(wireType, number);
        rest.push(bytes.subarray(start, reader.pos));
        continue;
      }
      if (wireType !== WireType.LengthDelimited) return null;
      const length = reader.uint32();
      const end = reader.pos + length;
      if (end > reader.len) return null;
      spans.push(reader.pos, end);
      reader.pos = end;
    }
  } catch {
    return null;
  }
  return { rest: joined(rest), spans };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const first = parts[0];
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
