import { fromBinary, type JsonObject, type Message } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType, typeNameOf } from '@inmesh/api';
import type { TypedStruct } from '@inmesh/api/gen/xds/type/v3/typed_struct_pb';
import { Refusal } from './decoding.ts';

/** The configuration of an extension, whichever way it was packed. */
export interface TypedConfig {
  /** The message's name, TypedStruct unwrapped; empty where there is none. */
  readonly typeName: string;
  /** The packed message; null where it came as a TypedStruct. */
  readonly any: Any | null;
  /** True where the configuration says nothing beyond its type. */
  readonly empty: boolean;
}

/** Both flavours have the same fields. */
const TYPED_STRUCTS: ReadonlySet<string> = new Set(['udpa.type.v1.TypedStruct', 'xds.type.v3.TypedStruct']);

/** Unwraps udpa's and xds's TypedStruct, in which control planes send what they have no generated code for. */
export function readTypedConfig(any: Any | undefined, field: string): TypedConfig {
  if (any === undefined) return { typeName: '', any: null, empty: true };
  const typeName = typeNameOf(any.typeUrl);
  if (!TYPED_STRUCTS.has(typeName)) return { typeName, any, empty: any.value.length === 0 };
  let inner: Message & { readonly typeUrl: string; readonly value?: JsonObject | undefined };
  try {
    inner = fromBinary(messageType<TypedStruct>('xds.type.v3.TypedStruct'), any.value);
  } catch (cause) {
    throw new Refusal(field, `is no ${typeName}`, { cause });
  }
  return {
    typeName: typeNameOf(inner.typeUrl),
    any: null,
    empty: inner.value === undefined || Object.keys(inner.value).length === 0,
  };
}
