import type { DataSource as ProtoDataSource } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import { type DataSource, SecretBytes, type SecretSource } from '@inmesh/core';
import { Refusal } from './decoding.ts';

/** Null where it is not set at all. */
export function decodeDataSource(source: ProtoDataSource | undefined, field: string): DataSource | null {
  return source === undefined ? null : read(source, field, (bytes) => bytes);
}

/** As `decodeDataSource`, for what must not be seen. */
export function decodeSecretSource(source: ProtoDataSource | undefined, field: string): SecretSource | null {
  return source === undefined ? null : read(source, field, (bytes) => new SecretBytes(bytes));
}

function read<B>(
  { specifier, watchedDirectory }: ProtoDataSource,
  field: string,
  inline: (bytes: Uint8Array) => B,
): DataSource<B> {
  switch (specifier.case) {
    case 'filename':
      return { kind: 'file', path: specifier.value, watchedDirectory: watchedDirectory?.path ?? null };
    case 'inlineBytes':
      return { kind: 'inline', bytes: inline(new Uint8Array(specifier.value)) };
    case 'inlineString':
      return { kind: 'inline', bytes: inline(new TextEncoder().encode(specifier.value)) };
    case 'environmentVariable':
      return { kind: 'environment', variable: specifier.value };
    default:
      throw new Refusal(field, 'value is required');
  }
}
