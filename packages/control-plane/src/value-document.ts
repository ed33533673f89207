import type { JsonValue } from '@bufbuild/protobuf';
import { MeshError } from '@inmesh/core';
import { type DocumentPath, pathText, type TextDocument } from '@inmesh/xds';

/** A plain value under the interface of a text: its errors name the field, having no line to name. */
export function valueDocument(value: JsonValue, origin: string): TextDocument {
  const at = (path: DocumentPath): JsonValue | undefined => {
    let here: JsonValue | undefined = value;
    for (const step of path) {
      if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
      here = (here as { readonly [key: string]: JsonValue })[step];
    }
    return here;
  };
  return {
    origin,
    value,
    at,
    positionOf: () => ({ file: origin, line: 0, column: 0 }),
    error: (path, problem, remedy, options) =>
      new MeshError(
        'invalid_config',
        `${pathText(path)}: ${problem}; ${remedy}`,
        options?.cause === undefined ? {} : { cause: options.cause },
      ),
  };
}
