import { constants } from 'node:http2';
import { MeshError, type MeshErrorOptions } from '@inmesh/core';

/** Node's codes for bytes that are no HTTP/2, and for limits of its own on them: Envoy's codec closes the connection for either. */
const BROKEN_HTTP: ReadonlySet<string> = new Set([
  'ERR_HTTP2_ERROR',
  'ERR_HTTP2_TOO_MANY_INVALID_FRAMES',
  'ERR_HTTP2_MAX_PENDING_SETTINGS_ACK',
  'ERR_HTTP2_TOO_MANY_ORIGINS',
]);

/** By their codes. (RFC 9113, 7) */
const NAMES = [
  'NO_ERROR',
  'PROTOCOL_ERROR',
  'INTERNAL_ERROR',
  'FLOW_CONTROL_ERROR',
  'SETTINGS_TIMEOUT',
  'STREAM_CLOSED',
  'FRAME_SIZE_ERROR',
  'REFUSED_STREAM',
  'CANCEL',
  'COMPRESSION_ERROR',
  'CONNECT_ERROR',
  'ENHANCE_YOUR_CALM',
  'INADEQUATE_SECURITY',
  'HTTP_1_1_REQUIRED',
] as const;

/** What a stream's end means that was not the end of its response, as Envoy's codec and router have it. */
export function resetError(code: number, place: MeshErrorOptions): MeshError {
  const name = NAMES[code] ?? `code ${code}`;
  switch (code) {
    case constants.NGHTTP2_REFUSED_STREAM:
      return new MeshError('remote_reset', 'the endpoint refused the stream', {
        ...place,
        reset: 'remote refused stream reset',
        unprocessed: true,
        counter: null,
      });
    case constants.NGHTTP2_CONNECT_ERROR:
      return new MeshError('remote_reset', 'the endpoint reset the stream (CONNECT_ERROR)', {
        ...place,
        reset: 'remote error with CONNECT request',
        counter: null,
      });
    case constants.NGHTTP2_PROTOCOL_ERROR:
      // Neither Node nor Envoy tells the server's reset with this code from the codec's own, which it makes of what is no HTTP.
      return new MeshError('protocol_error', 'the endpoint sent invalid HTTP, or found ours so', {
        ...place,
        counter: 'upstream_rq_tx_reset',
      });
    default:
      return new MeshError('remote_reset', `the endpoint reset the stream (${name})`, place);
  }
}

/** True for bytes that are no HTTP/2: whoever reads them ends the connection. */
export function isBrokenHttp(cause: Error): boolean {
  const { code } = cause as { readonly code?: unknown };
  return typeof code === 'string' && BROKEN_HTTP.has(code);
}

/** What the end of a connection means to its calls. */
export function connectionError(cause: Error | null, place: MeshErrorOptions): MeshError {
  const options = {
    ...place,
    ...(cause === null ? {} : { cause }),
    counter: 'upstream_rq_pending_failure_eject',
  } as const;
  if (cause === null) return new MeshError('connection_termination', 'the connection ended', options);
  return isBrokenHttp(cause)
    ? new MeshError('protocol_error', `the endpoint sent invalid HTTP/2: ${cause.message}`, {
        ...options,
        counter: 'upstream_rq_tx_reset',
      })
    : new MeshError('connection_termination', `the connection ended: ${cause.message}`, options);
}

/** As Envoy, tells a response that is too large as a reset by the endpoint. */
export function oversizeError(bytes: number, place: MeshErrorOptions): MeshError {
  return new MeshError('remote_reset', `the headers of the response are larger than ${bytes} bytes`, place);
}
