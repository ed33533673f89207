import type { JsonValue, Message } from '@bufbuild/protobuf';
import { messageType, registry } from '@inmesh/api';
import { type Decoding, Refusal } from '../decode/index.ts';
import { type DocumentPath, decodeMessage, type TextDocument } from '../text/index.ts';

const REMEDY = 'correct this field; the Envoy API reference says what it takes';

/** The message at a path, its `validate.rules` kept. A type that the API does not have stays data, as it does in a feed. */
export function messageAt<T extends Message>(
  decoding: Decoding,
  document: TextDocument,
  path: DocumentPath,
  typeName: T['$typeName'],
): T {
  const schema = messageType<T>(typeName);
  const message = decodeMessage(document, path, schema, registry(), { unknownTypes: 'wrap' });
  const violation = decoding.validate(schema, message);
  if (violation !== null) throw document.error([...path, ...fieldSteps(violation.field)], violation.problem, REMEDY);
  return message;
}

/** Runs a decoder on what stands at a path; what it refuses gets its place in the file. */
export function placed<T>(document: TextDocument, path: DocumentPath, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw document.error([...path, ...fieldSteps(error.field)], error.problem, REMEDY, { cause: error });
  }
}

/** The path as it is written: protobuf's JSON knows `static_resources` and `staticResources`. */
export function writtenPath(document: TextDocument, path: readonly string[]): DocumentPath {
  const written: string[] = [];
  for (const name of path) {
    const camel = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    written.push(
      document.at([...written, name]) === undefined && document.at([...written, camel]) !== undefined ? camel : name,
    );
  }
  return written;
}

/** The number of items of a list; 0 where there is none. */
export function lengthAt(document: TextDocument, path: DocumentPath): number {
  const value: JsonValue | undefined = document.at(path) ?? undefined;
  if (value === undefined) return 0;
  if (!Array.isArray(value)) throw document.error(path, 'is not a list', 'write a list, also for a single item');
  return value.length;
}

/** `endpoints[0].metadata["envoy.lb"]` as steps. */
function fieldSteps(field: string): (string | number)[] {
  return [...field.matchAll(/\["([^"]*)"\]|\[(\d+)\]|([^.[\]]+)/g)].map(([, key, index, name]) =>
    index !== undefined ? Number(index) : (key ?? name ?? ''),
  );
}
