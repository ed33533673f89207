import { type Body, BytesBody, StreamBody } from '@inmesh/core';

/** A caller's body made ours, and the headers that its kind brings along. */
export interface RequestBody {
  readonly body: Body | null;
  readonly contentType: string | null;
  readonly length: number | null;
}

const NONE: RequestBody = { body: null, contentType: null, length: null };

/** Takes what undici's dispatchers take as a body. Throws a TypeError for anything else. */
export function requestBody(body: unknown): RequestBody {
  if (body === null || body === undefined) return NONE;
  if (typeof body === 'string') return bytes(Buffer.from(body));
  if (body instanceof Uint8Array) return bytes(body);
  if (ArrayBuffer.isView(body)) return bytes(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  if (body instanceof ArrayBuffer) return bytes(new Uint8Array(body));
  if (body instanceof Blob) {
    return {
      body: new StreamBody(body.stream(), { length: body.size }),
      contentType: body.type || null,
      length: body.size,
    };
  }
  if (isFormData(body)) {
    const response = new Response(toFormData(body));
    return {
      body: new StreamBody(response.body as AsyncIterable<Uint8Array>),
      contentType: response.headers.get('content-type'),
      length: null,
    };
  }
  if (isIterable(body)) return { body: new StreamBody(asBytes(body)), contentType: null, length: null };
  throw new TypeError(
    'body must be a string, a Buffer, a typed array, a Blob, a FormData, a Readable stream or an iterable',
  );
}

function bytes(data: Uint8Array): RequestBody {
  return { body: new BytesBody(data), contentType: null, length: null };
}

function isIterable(body: unknown): body is AsyncIterable<unknown> | Iterable<unknown> {
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

async function* asBytes(source: AsyncIterable<unknown> | Iterable<unknown>): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    if (typeof chunk === 'string') yield Buffer.from(chunk);
    else if (chunk instanceof Uint8Array) yield chunk;
    else throw new TypeError(`a body chunk must be a string or a Uint8Array, not ${typeof chunk}`);
  }
}
