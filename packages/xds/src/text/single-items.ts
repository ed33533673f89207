import type { DescMessage, JsonValue, Registry } from '@bufbuild/protobuf';
import { hasOwnJson } from './well-known-json.ts';

/**
 * The same JSON with each lone object put into a list where the schema has a list of messages. protobuf's C++ parser, and so Envoy,
 * takes it that way, and Consul's bootstrap relies on it.
 */
export function listSingleItems(schema: DescMessage, json: JsonValue, registry: Registry): JsonValue {
  if (!isObject(json)) return json;
  if (schema.typeName === 'google.protobuf.Any') return insideAny(json, registry);
  if (hasOwnJson(schema)) return json;
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, inField(schema, key, value, registry)]));
}

function inField(schema: DescMessage, key: string, value: JsonValue, registry: Registry): JsonValue {
  const field = schema.fields.find((each) => each.name === key || each.jsonName === key);
  if (field?.message === undefined) return value;
  const type = field.message;
  if (field.fieldKind === 'message') return listSingleItems(type, value, registry);
  if (field.fieldKind === 'list') {
    const items = isObject(value) ? [value] : value;
    return Array.isArray(items) ? items.map((item) => listSingleItems(type, item, registry)) : value;
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, listSingleItems(type, item, registry)]));
}

function insideAny(json: { readonly [key: string]: JsonValue }, registry: Registry): JsonValue {
  const type = json['@type'];
  const schema = typeof type === 'string' ? registry.getMessage(type.slice(type.lastIndexOf('/') + 1)) : undefined;
  return schema === undefined ? json : listSingleItems(schema, json, registry);
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
