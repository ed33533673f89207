import { create, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { AnySchema } from '@bufbuild/protobuf/wkt';
import { messageType, typeUrlOf } from '@inmesh/api';
import type { Resource } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { Random } from '@inmesh/core';

/** A whole number below `limit`. */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

export function pick<T>(random: Random, list: readonly T[]): T {
  return list[below(random, list.length)] as T;
}

/** Damages bytes in one of the ways in which bytes get damaged. */
export function damage(random: Random, bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(bytes);
  if (copy.length === 0) return copy;
  switch (below(random, 6)) {
    case 0:
    case 1:
      for (let flips = 1 + below(random, 6); flips > 0; flips--) {
        const at = below(random, copy.length);
        copy[at] = (copy[at] as number) ^ (1 << below(random, 8));
      }
      return copy;
    case 2:
      return copy.subarray(0, below(random, copy.length));
    case 3: {
      const from = below(random, copy.length);
      const length = below(random, copy.length - from);
      return concat(copy.subarray(0, from), copy.subarray(from + length), copy.subarray(from, from + length));
    }
    case 4: {
      const from = below(random, copy.length);
      const part = copy.subarray(from, from + below(random, copy.length - from));
      return concat(copy, ...Array<Uint8Array>(1 + below(random, 4)).fill(part));
    }
    default: {
      const at = below(random, copy.length);
      for (let index = at; index < Math.min(copy.length, at + 8); index++) copy[index] = below(random, 256);
      return copy;
    }
  }
}

/** Wraps a resource in Any in Any, or Resource in Resource, deeper than anybody should. */
export function nest(random: Random, any: Any): Any {
  let nested = any;
  for (let depth = 1 + below(random, 150); depth > 0; depth--) {
    nested = random() < 0.5 ? anyOf('google.protobuf.Any', toBinary(AnySchema, nested)) : wrap(nested, 'x');
  }
  return nested;
}

export function wrap(any: Any | null, name: string, ttlSeconds?: bigint): Any {
  const schema = messageType<Resource>('envoy.service.discovery.v3.Resource');
  const wrapper = create(schema, { name, version: '1' });
  if (any !== null) wrapper.resource = any;
  if (ttlSeconds !== undefined) wrapper.ttl = { $typeName: 'google.protobuf.Duration', seconds: ttlSeconds, nanos: 0 };
  return anyOf(schema.typeName, toBinary(schema, wrapper));
}

function anyOf(typeName: string, value: Uint8Array): Any {
  return { $typeName: 'google.protobuf.Any', typeUrl: typeUrlOf(typeName), value };
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
