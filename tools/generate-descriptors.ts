import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

/**
 * The descriptor set as a TypeScript module: a string constant survives every bundler, where a data file beside the code
 * does not, and costs nothing until somebody decodes it.
 */
export function descriptorsModule(descriptorSet: Uint8Array): string {
  const packed = brotliCompressSync(descriptorSet, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: descriptorSet.length,
    },
  });
  return `// Made by tools/generate.ts from packages/api/envoy.binpb. Do not edit.

/** A google.protobuf.FileDescriptorSet of ${descriptorSet.length} bytes: brotli, then base64. */
export const packedDescriptors: string =
  '${packed.toString('base64')}';
`;
}

/** The descriptor set inside such a module, or null if the text is not one. */
export function embeddedDescriptors(module: string): Buffer | null {
  const packed = /'([\w+/=]+)';\s*$/.exec(module)?.[1];
  return packed === undefined ? null : brotliDecompressSync(Buffer.from(packed, 'base64'));
}
