import { createHash } from 'node:crypto';
import { type CommonTlsContext, SecretBytes } from '@inmesh/core';

/** Equal for contexts of equal content, whose connections can be made with the same material. The protocols are told for each connection, and play no part. */
export function contextKey({ alpnProtocols: _, ...common }: CommonTlsContext): string {
  return createHash('sha256').update(JSON.stringify(common, contentOf)).digest('base64');
}

function contentOf(this: unknown, key: string, value: unknown): unknown {
  const original = (this as { readonly [key: string]: unknown })[key];
  if (original instanceof SecretBytes) return createHash('sha256').update(original.reveal()).digest('base64');
  return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value;
}
