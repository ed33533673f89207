import type { DataSource as ProtoDataSource } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { SubstitutionFormatString } from '@inmesh/api/gen/envoy/config/core/v3/substitution_format_string_pb';
import { type BodyFormat, compileBodyFormat, FormatError, type JsonTemplate } from '@inmesh/core';
import { type Decoding, Refusal } from './decoding.ts';

/** Checked by compiling it once. */
export function decodeBodyFormat(decoding: Decoding, message: SubstitutionFormatString, field: string): BodyFormat {
  const format = readFormat(decoding, message, field);
  try {
    compileBodyFormat(format);
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new Refusal(field, cause.message, { cause });
  }
  return format;
}

function readFormat(
  decoding: Decoding,
  { format, omitEmptyValues, contentType }: SubstitutionFormatString,
  field: string,
): BodyFormat {
  switch (format.case) {
    case 'textFormat':
      return { kind: 'text', text: format.value, omitEmptyValues, contentType: contentType || 'text/plain' };
    case 'textFormatSource': {
      const text = new TextDecoder().decode(readDataSource(decoding, format.value, `${field}.text_format_source`));
      return { kind: 'text', text, omitEmptyValues, contentType: contentType || 'text/plain' };
    }
    case 'jsonFormat': {
      const json = format.value as { readonly [key: string]: JsonTemplate };
      return { kind: 'json', json, omitEmptyValues, contentType: contentType || 'application/json' };
    }
    default:
      throw new Refusal(`${field}.format`, 'value is required');
  }
}

/** What a source holds now: it is read once, with the resource, as by Envoy. */
export function readDataSource({ surroundings }: Decoding, { specifier }: ProtoDataSource, field: string): Uint8Array {
  switch (specifier.case) {
    case 'filename':
      try {
        return surroundings.readFile(specifier.value);
      } catch (cause) {
        throw new Refusal(`${field}.filename`, `cannot read ${specifier.value}`, { cause });
      }
    case 'environmentVariable': {
      const value = surroundings.environment(specifier.value);
      if (value !== undefined) return new TextEncoder().encode(value);
      throw new Refusal(`${field}.environment_variable`, `Environment variable doesn't exist: ${specifier.value}`);
    }
    case 'inlineBytes':
      // A copy: the value must not keep the whole response alive.
      return Uint8Array.from(specifier.value);
    default:
      return new TextEncoder().encode(specifier.value ?? '');
  }
}
