import { type Body, BytesBody, StreamBody } from '@inmesh/core';
import { ByteSource, type StreamSource } from './byte-source.ts';

/** A caller's body made ours, and the headers that its kind brings along. */
export interface RequestBody {
  readonly body: Body | null;
  readonly contentType: string | null;
  readonly length: number | null;
  /** Lets go of the caller's stream, from which nothing was read. */
  readonly release: () => void;
}

/** Of a request without a body. */
export const NO_BODY: RequestBody = { body: null, contentType: null, length: null, release: nothing };

/**
 * Takes what undici's dispatchers take as a body. `onError` hears of a stream that fails: that is the caller's own
 * failure and none of the endpoint's. Throws a TypeError for anything else.
 */
export function requestBody(body: unknown, onError: (error: Error) => void): RequestBody {
  if (body === null || body === undefined) return NO_BODY;
  if (typeof body === 'string') return bytes(Buffer.from(body));
  if (body instanceof Uint8Array) return bytes(body);
  if (ArrayBuffer.isView(body)) return bytes(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  if (body instanceof ArrayBuffer) return bytes(new Uint8Array(body));
  if (body instanceof Blob)
    return stream(body.stream(), onError, { contentType: body.type || null, length: body.size });
  if (isFormData(body)) {
    const response = new Response(toFormData(body));
    const contentType = response.headers.get('content-type');
    return stream(response.body as StreamSource, onError, { contentType, length: null });
  }
  if (isIterable(body)) return stream(body, onError, { contentType: null, length: null });
  throw new TypeError(
    'body must be a string, a Buffer, a typed array, a Blob, a FormData, a Readable stream or an iterable',
  );
}

function bytes(data: Uint8Array): RequestBody {
  return { body: new BytesBody(data), contentType: null, length: null, release: nothing };
}

function stream(
  from: StreamSource,
  onError: (error: Error) => void,
  kind: { readonly contentType: string | null; readonly length: number | null },
): RequestBody {
  const source = new ByteSource(from, onError);
  return { body: new StreamBody(source, { length: kind.length }), ...kind, release: () => source.release() };
}

function nothing(): void {}

function isIterable(body: unknown): body is StreamSource {
  return typeof body === 'object' && body !== null && (Symbol.asyncIterator in body || Symbol.iterator in body);
}

interface FormDataLike {
  entries(): Iterable<[string, string | Blob]>;
}

/** The runtime's FormData or that of an undici package: they are not instances of one class. */
function isFormData(body: unknown): body is FormDataLike {
  return typeof body === 'object' && body !== null && Object.prototype.toString.call(body) === '[object FormData]';
}

function toFormData(body: FormDataLike): FormData {
  if (body instanceof FormData) return body;
  const form = new FormData();
  for (const [name, value] of body.entries()) {
    if (typeof value === 'string') form.append(name, value);
    else form.append(name, value, (value as File).name);
  }
  return form;
}
