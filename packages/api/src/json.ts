import {
  type JsonReadOptions,
  type JsonValue,
  type JsonWriteOptions,
  type Message,
  fromJson as readJson,
  toJson as writeJson,
} from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { registry } from './registry.ts';

/** protobuf-es's `fromJson`, knowing every `@type` of the API; camelCase and Envoy's snake_case names are both read. */
export function fromJson<T extends Message>(
  type: GenMessage<T>,
  json: JsonValue,
  options?: Partial<Omit<JsonReadOptions, 'registry'>>,
): T {
  return readJson(type, json, { ...options, registry: registry() });
}

/** protobuf-es's `toJson`, knowing every `@type` of the API; `useProtoFieldName` gives Envoy's snake_case names. */
export function toJson<T extends Message>(
  type: GenMessage<T>,
  message: T,
  options?: Partial<Omit<JsonWriteOptions, 'registry'>>,
): JsonValue {
  return writeJson(type, message, { ...options, registry: registry() });
}
