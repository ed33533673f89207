import { create, type DescMessage, fromBinary, type JsonObject, type Message, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { fromJson, messageType, registry, typeNameOf, typeUrlOf } from '@inmesh/api';
import type { TypedStruct } from '@inmesh/api/gen/xds/type/v3/typed_struct_pb';
import { Refusal } from './decoding.ts';

/** The configuration of an extension, whichever way it was packed. */
export interface TypedConfig {
  /** The message's name, TypedStruct unwrapped; empty where there is none. */
  readonly typeName: string;
  /** The packed message; null where it came as a TypedStruct of a type that the API does not have. */
  readonly any: Any | null;
  /** The fields of such a TypedStruct; null for all else. */
  readonly struct: JsonObject | null;
  /** True where the configuration says nothing beyond its type. */
  readonly empty: boolean;
}

/** Both flavours have the same fields. */
const TYPED_STRUCTS: ReadonlySet<string> = new Set(['udpa.type.v1.TypedStruct', 'xds.type.v3.TypedStruct']);

/**
 * Unwraps udpa's and xds's TypedStruct, in which control planes send what they have no generated code for. Of a type that the
 * API has, it becomes that message, as in Envoy; a field that the message has not is left out, as there.
 */
export function readTypedConfig(any: Any | undefined, field: string): TypedConfig {
  if (any === undefined) return { typeName: '', any: null, struct: null, empty: true };
  const outer = typeNameOf(any.typeUrl);
  if (!TYPED_STRUCTS.has(outer)) return { typeName: outer, any, struct: null, empty: any.value.length === 0 };
  let inner: Message & { readonly typeUrl: string; readonly value?: JsonObject | undefined };
  try {
    inner = fromBinary(messageType<TypedStruct>('xds.type.v3.TypedStruct'), any.value);
  } catch (cause) {
    throw new Refusal(field, `is no ${outer}`, { cause });
  }
  const typeName = typeNameOf(inner.typeUrl);
  const value = inner.value ?? {};
  const schema = registry().getMessage(typeName);
  const empty = Object.keys(value).length === 0;
  if (schema === undefined) return { typeName, any: null, struct: value, empty };
  return { typeName, any: packed(schema, value, field), struct: null, empty };
}

function packed(schema: DescMessage, value: JsonObject, field: string): Any {
  try {
    const message = fromJson(messageType(schema.typeName), value, { ignoreUnknownFields: true });
    return create(AnySchema, { typeUrl: typeUrlOf(schema.typeName), value: toBinary(schema, message) });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Refusal(field, `holds no ${schema.typeName}: ${reason}`, { cause });
  }
}
