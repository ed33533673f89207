import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonValue,
  type MessageShape,
  type Registry,
} from '@bufbuild/protobuf';
import type { DocumentPath, TextDocument } from './document.ts';
import { listSingleItems } from './single-items.ts';
import { hasOwnJson } from './well-known-json.ts';

/**
 * Reads the value at `path` as a protobuf message in protobuf's JSON form: snake_case and camelCase names, a lone object for a
 * list of one, `@type` through the registry. Throws `MeshError('invalid_config')` that names file, line, column and field of the first part that does not fit.
 */
export function decodeMessage<Desc extends DescMessage>(
  document: TextDocument,
  path: DocumentPath,
  schema: Desc,
  registry: Registry,
  options: DecodeMessageOptions = {},
): MessageShape<Desc> {
  const written = document.at(path);
  if (written === undefined) {
    throw document.error(path, 'is missing', `give it as a ${schema.typeName}`);
  }
  const known = options.unknownTypes === 'wrap' ? wrapUnknownTypes(written, registry) : written;
  const json = listSingleItems(schema, known, registry);
  try {
    return fromJson(schema, json, { registry });
  } catch (cause) {
    const fault = findInMessage(schema, json, path, registry) ?? { path, problem: reason(cause), remedy: READ_THE_API };
    throw document.error(fault.path, fault.problem, fault.remedy, { part: fault.part ?? 'value', cause });
  }
}

export interface DecodeMessageOptions {
  /**
   * What a `@type` that the registry does not have means: an `error`, or that the message is to be kept as data in an
   * xds.type.v3.TypedStruct (`wrap`), as a client does with what it is not meant to open. Default `error`, because it is
   * most often misspelt.
   */
  readonly unknownTypes?: 'error' | 'wrap';
}

/** The same JSON with every message of an unknown type wrapped in a TypedStruct. */
export function wrapUnknownTypes(json: JsonValue, registry: Registry): JsonValue {
  if (Array.isArray(json)) return json.map((item) => wrapUnknownTypes(item, registry));
  if (!isObject(json)) return json;
  const type = json['@type'];
  if (typeof type === 'string' && registry.getMessage(type.slice(type.lastIndexOf('/') + 1)) === undefined) {
    const { '@type': _, ...value } = json;
    return { '@type': 'type.googleapis.com/xds.type.v3.TypedStruct', type_url: type, value };
  }
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, wrapUnknownTypes(value, registry)]));
}

/** The smallest part of a value that does not fit its schema. */
interface Fault {
  readonly path: DocumentPath;
  readonly problem: string;
  readonly remedy: string;
  readonly part?: 'key' | 'value';
}

const READ_THE_API = 'see the message in the Envoy API reference';

/**
 * protobuf-es names the field that failed, not the way to it. So after a failure, and only then, each part is tried by itself and
 * the search goes on in the one that fails.
 */
function findInMessage(schema: DescMessage, json: JsonValue, path: DocumentPath, registry: Registry): Fault | null {
  if (schema.typeName === 'google.protobuf.Any') return findInAny(json, path, registry);
  const whole = attempt(schema, json, registry);
  if (whole === null) return null;
  if (hasOwnJson(schema)) {
    return { path, problem: `${show(json)} is no ${schema.typeName}`, remedy: remedyForType(schema.typeName) };
  }
  if (!isObject(json)) {
    return { path, problem: `${show(json)} is not an object`, remedy: `write the fields of ${schema.typeName} here` };
  }
  for (const [key, value] of Object.entries(json)) {
    const field = schema.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
    const here = [...path, key];
    if (field === undefined) return unknownField(schema, key, here);
    const fault = findInField(schema, field, key, value, here, registry);
    if (fault !== null) return fault;
  }
  // Each field is well alone: two of them exclude each other.
  return { path: conflictingKey(schema, json, path), problem: whole, remedy: 'keep only one of them', part: 'key' };
}

function findInField(
  schema: DescMessage,
  field: DescField,
  key: string,
  value: JsonValue,
  path: DocumentPath,
  registry: Registry,
): Fault | null {
  const problem = attempt(schema, { [key]: value }, registry);
  if (problem === null) return null;
  if (field.fieldKind === 'message') return findInMessage(field.message, value, path, registry);
  if (field.fieldKind === 'list') {
    if (!Array.isArray(value)) {
      return { path, problem: `${show(value)} is not a list`, remedy: 'write a list, each item behind a dash' };
    }
    for (const [index, item] of value.entries()) {
      const here = [...path, index];
      if (field.listKind === 'message') {
        const fault = findInMessage(field.message, item, here, registry);
        if (fault !== null) return fault;
      } else if (attempt(schema, { [key]: [item] }, registry) !== null) {
        return leafFault(field, item, here);
      }
    }
  }
  if (field.fieldKind === 'map') {
    if (!isObject(value)) return { path, problem: `${show(value)} is not a map`, remedy: 'write keys with values' };
    for (const [name, item] of Object.entries(value)) {
      const here = [...path, name];
      if (field.mapKind === 'message') {
        const fault = findInMessage(field.message, item, here, registry);
        if (fault !== null) return fault;
      } else if (attempt(schema, { [key]: { [name]: item } }, registry) !== null) {
        return leafFault(field, item, here);
      }
    }
  }
  return field.fieldKind === 'scalar' || field.fieldKind === 'enum'
    ? leafFault(field, value, path)
    : { path, problem, remedy: READ_THE_API };
}

function findInAny(json: JsonValue, path: DocumentPath, registry: Registry): Fault | null {
  const remedy = 'write `"@type": type.googleapis.com/…` beside the fields of the message';
  if (!isObject(json)) return { path, problem: `${show(json)} is not an object`, remedy };
  const type = json['@type'];
  if (type === undefined) return { path, problem: 'has no @type', remedy };
  if (typeof type !== 'string') return { path: [...path, '@type'], problem: `${show(type)} is not a type URL`, remedy };
  const schema = registry.getMessage(type.slice(type.lastIndexOf('/') + 1));
  if (schema === undefined) {
    return { path: [...path, '@type'], problem: `type ${show(type)} is not known`, remedy: 'check its spelling' };
  }
  if (hasOwnJson(schema)) {
    return findInMessage(schema, json.value ?? null, [...path, 'value'], registry);
  }
  const { '@type': _, ...fields } = json;
  return findInMessage(schema, fields, path, registry);
}

/** Null where the value fits, else why it does not. */
function attempt(schema: DescMessage, json: JsonValue, registry: Registry): string | null {
  try {
    fromJson(schema, json, { registry });
    return null;
  } catch (error) {
    return reason(error);
  }
}

function leafFault(field: DescField, value: JsonValue, path: DocumentPath): Fault {
  const found = show(value);
  if (field.enum !== undefined && field.enum !== null) {
    const names = field.enum.values.map((each) => each.name);
    const remedy = `use one of ${names.slice(0, 12).join(', ')}${names.length > 12 ? ' …' : ''}`;
    return { path, problem: `${found} is no ${field.enum.typeName}`, remedy };
  }
  const type = field.scalar === undefined ? 'value of this field' : scalarName(field.scalar);
  return { path, problem: `${found} is no ${type}`, remedy: `write a ${type}` };
}

function unknownField(schema: DescMessage, key: string, path: DocumentPath): Fault {
  const near = nearest(
    key,
    schema.fields.map((field) => field.name),
  );
  return {
    path,
    problem: `unknown field of ${schema.typeName}`,
    remedy: near === null ? 'remove it or check its indentation' : `did you mean \`${near}\`?`,
    part: 'key',
  };
}

/** The second key that sets the same oneof or the same field, so that the error points there. */
function conflictingKey(
  schema: DescMessage,
  json: { readonly [key: string]: JsonValue },
  path: DocumentPath,
): DocumentPath {
  const seen = new Set<unknown>();
  for (const key of Object.keys(json)) {
    const field = schema.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
    const slot = field?.oneof ?? field;
    if (seen.has(slot)) return [...path, key];
    seen.add(slot);
  }
  return path;
}

/** The name at the smallest edit distance, if it is close enough to be a slip. */
function nearest(word: string, names: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const distance = editDistance(word.toLowerCase(), name);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function remedyForType(typeName: string): string {
  switch (typeName) {
    case 'google.protobuf.Duration':
      return 'write seconds with an s, such as 5s or 0.25s';
    case 'google.protobuf.Timestamp':
      return 'write a time such as 2026-01-31T12:00:00Z';
    case 'google.protobuf.Struct':
      return 'write keys with values';
    default:
      return `write a ${typeName}`;
  }
}

const scalarNames = [
  ['double', 1],
  ['float', 2],
  ['int64', 3],
  ['uint64', 4],
  ['int32', 5],
  ['fixed64', 6],
  ['fixed32', 7],
  ['bool', 8],
  ['string', 9],
  ['base64 string', 12],
  ['uint32', 13],
] as const;

function scalarName(scalar: number): string {
  return scalarNames.find(([, number]) => number === scalar)?.[0] ?? 'number';
}

/** Short on purpose: values may be secrets or long. */
function show(value: JsonValue): string {
  if (Array.isArray(value)) return 'a list';
  if (isObject(value)) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 60)}…` : text;
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
