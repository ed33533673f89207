import type { Call } from '../call.ts';

/** A value of dynamic metadata: what JSON can hold. */
export type MetadataValue =
  | string
  | number
  | boolean
  | null
  | readonly MetadataValue[]
  | { readonly [key: string]: MetadataValue };

export type MetadataStruct = { readonly [key: string]: MetadataValue };

/** What a namespace of the call holds; nothing where nobody wrote to it. */
export function metadataOf(call: Call, namespace: string): MetadataStruct | null {
  return (call.metadata?.get(namespace) as MetadataStruct | undefined) ?? null;
}

/** Adds keys to a namespace of the call; those that are there are replaced. */
export function addMetadata(call: Call, namespace: string, values: MetadataStruct): void {
  call.metadata ??= new Map();
  call.metadata.set(namespace, { ...call.metadata.get(namespace), ...values });
}

/** Merges as Envoy does: objects key by key, lists one after the other, all else is replaced. (StructUtil::update) */
export function mergedMetadata(known: MetadataStruct, added: MetadataStruct): MetadataStruct {
  const merged: { [key: string]: MetadataValue } = { ...known };
  for (const [key, value] of Object.entries(added)) merged[key] = mergedValue(merged[key], value);
  return merged;
}

function mergedValue(known: MetadataValue | undefined, added: MetadataValue): MetadataValue {
  if (Array.isArray(known) && Array.isArray(added)) return [...known, ...added];
  return isStruct(known) && isStruct(added) ? mergedMetadata(known, added) : added;
}

function isStruct(value: MetadataValue | undefined): value is MetadataStruct {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
