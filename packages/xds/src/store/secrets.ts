import { type DescField, type DescMessage, fromBinary, getOption, type Message } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Any } from '@bufbuild/protobuf/wkt';
import { registry, typeNameOf } from '@inmesh/api';

/** Scalar fields that hold credentials without the API's `sensitive` mark, as in GrpcService's call credentials. */
const CREDENTIAL_FIELD =
  /^(access_token|refresh_token|subject_token|token|password|secret|private_key|.*_(password|secret|secret_key|json_key))$/;

/** Names of headers that are credentials. */
const CREDENTIAL_HEADER = /authorization|cookie|token|secret|password|api[-_]?key/i;

/** In what cannot be decoded (an extension that is not of the API, a TypedStruct), a word is enough; the tokens of a rate limit are none. */
const CREDENTIAL_WORD =
  /PRIVATE KEY|private_?key|password|secret|(?<!max_?)token(?!_?bucket|s_?per)|authorization|api[-_]?key|credential/i;

const PRIVATE_KEY = Buffer.from('PRIVATE KEY-----');

/** Messages whose content no descriptor tells. */
const OPAQUE: ReadonlySet<string> = new Set([
  'google.protobuf.Struct',
  'google.protobuf.Value',
  'google.protobuf.ListValue',
  'xds.type.v3.TypedStruct',
  'udpa.type.v1.TypedStruct',
]);

/** Structs that only route and describe: every endpoint and cluster of Istio has them. */
export const METADATA = 'envoy.config.core.v3.Metadata';

/**
 * True where a resource holds a credential, or may: inline keys, passwords and tokens, or what cannot be looked into and speaks of
 * such. Names of files and of SDS secrets are none. In doubt true: what is not stored is only asked for again.
 */
export function holdsSecrets(typeName: string, bytes: Uint8Array): boolean {
  if (Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes(PRIVATE_KEY)) return true;
  // Addresses, weights and health; large, and looked through for a key already.
  if (typeName === 'envoy.config.endpoint.v3.ClusterLoadAssignment') return false;
  return inMessage(typeName, bytes);
}

function inMessage(typeName: string, bytes: Uint8Array): boolean {
  const type = registry().getMessage(typeName);
  if (type === undefined || OPAQUE.has(typeName)) return speaksOfSecrets(bytes);
  try {
    return inFields(reflect(type, fromBinary(type, bytes)));
  } catch {
    return true;
  }
}

function inFields(message: ReflectMessage): boolean {
  const { typeName } = message.desc;
  if (isCredentialHeader(message)) return true;
  if (typeName === 'google.protobuf.Any') {
    const { typeUrl, value } = message.message as Any;
    return inMessage(typeNameOf(typeUrl), value);
  }
  if (typeName === METADATA) return false;
  // Whatever was added to the API since.
  if ((message.message.$unknown ?? []).some(({ data }) => speaksOfSecrets(data))) return true;
  return fieldsOf(message.desc).some((field) => message.isSet(field) && inField(message, field));
}

const telling = new WeakMap<DescMessage, readonly DescField[]>();

/** The fields that can hold a secret, or hold what can: most are numbers, durations and plain text. */
function fieldsOf(type: DescMessage): readonly DescField[] {
  let known = telling.get(type);
  if (known === undefined) {
    known = type.fields.filter((field) => {
      if (isSensitive(field)) return true;
      if (field.message === undefined) return isCredentialField(field);
      const { typeName } = field.message;
      return !typeName.startsWith('google.protobuf.') || typeName === 'google.protobuf.Any' || OPAQUE.has(typeName);
    });
    telling.set(type, known);
  }
  return known;
}

function inField(message: ReflectMessage, field: DescField): boolean {
  if (isSensitive(field)) return !namesOnly(message, field);
  switch (field.fieldKind) {
    case 'scalar':
      return CREDENTIAL_FIELD.test(field.name);
    case 'message':
      return inValue(field.message, message.get(field));
    case 'list':
      if (field.listKind !== 'message') return CREDENTIAL_FIELD.test(field.name);
      return [...message.get(field)].some((item) => inValue(field.message, item as ReflectMessage));
    case 'map':
      if (field.mapKind !== 'message') return false;
      return [...message.get(field).values()].some((item) => inValue(field.message, item as ReflectMessage));
    case 'enum':
      return false;
  }
}

function inValue(type: DescMessage, value: MessageValue): boolean {
  return opaqueHoldsSecrets(type, value) ?? inFields(value as ReflectMessage);
}

/** A message in a field, as protobuf-es reflects it: a Struct is plain JSON. */
export type MessageValue = ReflectMessage | { readonly [key: string]: unknown };

/** Whether what no descriptor tells about speaks of a secret; null for a message with fields to look into. */
export function opaqueHoldsSecrets(type: DescMessage, value: MessageValue): boolean | null {
  const reflected = 'fields' in value && 'desc' in value;
  if (reflected && !OPAQUE.has(type.typeName)) return null;
  return CREDENTIAL_WORD.test(jsonOf(reflected ? (value as ReflectMessage).message : value));
}

/** A header that a route adds and that is a credential. */
export function isCredentialHeader(message: ReflectMessage): boolean {
  return message.desc.typeName === 'envoy.config.core.v3.HeaderValue' && CREDENTIAL_HEADER.test(textIn(message, 'key'));
}

/** True for a scalar field whose name says that it holds a credential. */
export function isCredentialField({ name, message, fieldKind }: DescField): boolean {
  return message === undefined && fieldKind !== 'enum' && CREDENTIAL_FIELD.test(name);
}

/** Looked up once per field: options are decoded anew each time that they are asked for. */
const sensitive = new WeakMap<DescField, boolean>();

/** Marked as a secret by the API's authors. */
export function isSensitive(field: DescField): boolean {
  let known = sensitive.get(field);
  if (known === undefined) {
    const option = registry().getExtension('udpa.annotations.sensitive');
    known = option !== undefined && getOption(field, option) === true;
    sensitive.set(field, known);
  }
  return known;
}

/** A DataSource that says where the secret lies, and not what it is. */
export function namesOnly(message: ReflectMessage, field: DescField): boolean {
  if (field.fieldKind !== 'message' || field.message.typeName !== 'envoy.config.core.v3.DataSource') return false;
  const source = message.get(field).message as Message & { readonly specifier?: { readonly case?: string } };
  return ['filename', 'environmentVariable'].includes(source.specifier?.case ?? '');
}

function textIn(message: ReflectMessage, name: string): string {
  return String((message.message as Message & { readonly [name: string]: unknown })[name] ?? '');
}

function jsonOf(value: object): string {
  return JSON.stringify(value, (_, each) => (typeof each === 'bigint' ? `${each}` : each));
}

function speaksOfSecrets(bytes: Uint8Array): boolean {
  return CREDENTIAL_WORD.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'));
}
