import { MeshError, type MeshErrorOptions } from '@inmesh/core';

const CONNECTION_GONE = 'INMESH_CONNECTION_GONE';

/** What our own connector answers when undici asks for a second socket: the first is gone. */
export function goneError(): Error {
  return Object.assign(new Error('the connection is gone'), { code: CONNECTION_GONE });
}

/** True where nothing of the request left: undici looked for the socket and it was no more. */
export function isGone(error: Error): boolean {
  const code = (error as { readonly code?: unknown }).code;
  return code === CONNECTION_GONE || code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED';
}

/** What undici would not send at all: the mistake is the caller's, and sending it elsewhere would not help. */
export function refusedError(error: Error, place: MeshErrorOptions): MeshError {
  return new MeshError('invalid_request', error.message, { ...place, cause: error });
}

/** undici's errors about what is no HTTP have no code of their own. */
const PARSE_ERROR = 'HTTPParserError';

/** True where the other side closed the connection without a reset. */
export function isEnd(error: Error): boolean {
  return (error as { readonly code?: unknown }).code === 'UND_ERR_SOCKET';
}

/** A response with more headers than the feed allows. */
export class HeadersOverflow extends Error {
  constructor() {
    super('more headers than max_headers_count');
  }
}

/** True for an answer that is no HTTP: whoever reads it ends the connection. */
export function isBrokenHttp(error: Error): boolean {
  const { code } = error as { readonly code?: unknown };
  return (
    error instanceof HeadersOverflow ||
    error.name === PARSE_ERROR ||
    code === 'UND_ERR_HEADERS_OVERFLOW' ||
    code === 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH'
  );
}

export function brokenError(error: Error, place: MeshErrorOptions): MeshError {
  return new MeshError('protocol_error', `the endpoint sent invalid HTTP: ${error.message}`, {
    ...place,
    cause: error,
  });
}

/** The one place that knows the platform's and undici's error codes. */
export function wireError(error: Error, place: MeshErrorOptions): MeshError {
  const { code } = error as { readonly code?: unknown };
  const options = { ...place, cause: error };
  if (isBrokenHttp(error)) return brokenError(error, place);
  if (typeof code === 'string') {
    if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') {
      return new MeshError('request_timeout', `the endpoint fell silent: ${error.message}`, options);
    }
    if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') return refusedError(error, place);
    if (code === CONNECTION_GONE) {
      return new MeshError('connection_termination', 'the connection closed before the request was sent', options);
    }
  }
  // More of the response was promised: Envoy's codec takes that for broken HTTP, whether the connection ended or was reset.
  if (place.started) return new MeshError('protocol_error', `the response broke off: ${error.message}`, options);
  return new MeshError('connection_termination', `the connection ended: ${error.message}`, options);
}
