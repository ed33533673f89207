import { create, type DescField, type DescMessage, fromBinary, ScalarType, toBinary } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType, registry, typeNameOf } from '@inmesh/api';
import type { DataSource } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import {
  holdsSecrets,
  isCredentialField,
  isCredentialHeader,
  isSensitive,
  type MessageValue,
  METADATA as metadata,
  namesOnly,
  opaqueHoldsSecrets,
} from '../store/secrets.ts';

/** As Envoy's admin pages have it in the place of a secret. */
const mark = '[redacted]';

/**
 * A resource without its secrets: keys, passwords and tokens are replaced, as in Envoy's config dumps, and what cannot be looked
 * into and speaks of some is left out. Null where nothing can be shown. The same bytes where there is nothing to hide.
 */
export function redact(typeName: string, bytes: Uint8Array): Uint8Array | null {
  if (!holdsSecrets(typeName, bytes)) return bytes;
  const type = registry().getMessage(typeName);
  if (type === undefined) return null;
  try {
    const message = fromBinary(type, bytes, { readUnknownFields: false });
    redactFields(reflect(type, message));
    const safe = toBinary(type, message);
    // A key in plain sight, in a field that nothing marks as one.
    return Buffer.from(safe).includes('PRIVATE KEY-----') ? null : safe;
  } catch {
    return null;
  }
}

function redactFields(message: ReflectMessage): void {
  const { desc } = message;
  if (desc.typeName === 'google.protobuf.Any') {
    const any = message.message as Any;
    any.value = redact(typeNameOf(any.typeUrl), any.value) ?? new Uint8Array();
    return;
  }
  const credential = isCredentialHeader(message);
  for (const field of desc.fields) {
    if (!message.isSet(field)) continue;
    if (isSensitive(field)) {
      if (!namesOnly(message, field)) hide(message, field);
    } else if (isCredentialField(field) || (credential && field.name !== 'key')) {
      hide(message, field);
    } else if (field.message !== undefined) {
      const safe = valuesIn(message, field).every((value) => redactValue(field.message as DescMessage, value));
      if (!safe) message.clear(field);
    }
  }
}

function valuesIn(message: ReflectMessage, field: DescField): MessageValue[] {
  switch (field.fieldKind) {
    case 'message':
      return [message.get(field)];
    case 'list':
      return [...message.get(field)] as MessageValue[];
    case 'map':
      return [...message.get(field).values()] as MessageValue[];
    default:
      return [];
  }
}

/** False where it has to be left out. */
function redactValue(type: DescMessage, value: MessageValue): boolean {
  if (type.typeName === metadata) return true;
  const opaque = opaqueHoldsSecrets(type, value);
  if (opaque !== null) return !opaque;
  redactFields(value as ReflectMessage);
  return true;
}

function hide(message: ReflectMessage, field: DescField): void {
  if (field.fieldKind === 'scalar' && field.scalar === ScalarType.STRING) message.set(field, mark);
  else if (field.fieldKind === 'scalar' && field.scalar === ScalarType.BYTES) message.set(field, Buffer.from(mark));
  else if (field.fieldKind === 'message' && field.message.typeName === 'envoy.config.core.v3.DataSource') {
    const type = messageType<DataSource>('envoy.config.core.v3.DataSource');
    message.set(field, reflect(type, create(type, { specifier: { case: 'inlineString', value: mark } })));
  } else message.clear(field);
}
