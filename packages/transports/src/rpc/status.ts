import { constants } from 'node:http2';
import type { StreamStatus } from '@inmesh/core';

/** gRPC's status codes, by their names in the specification. */
export const grpcCode = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  outOfRange: 11,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  dataLoss: 15,
  unauthenticated: 16,
} as const;

/** The status that `grpc-status` and `grpc-message` tell, or null where there is no `grpc-status`. */
export function statusOfHeaders(headers: {
  readonly [name: string]: string | string[] | number | undefined;
}): StreamStatus | null {
  const text = headers['grpc-status'];
  if (text === undefined) return null;
  const message = decodeGrpcMessage(String(headers['grpc-message'] ?? ''));
  const code = /^\d{1,2}$/.test(String(text)) ? Number(text) : Number.NaN;
  if (code >= 0 && code <= 16) return { code, message };
  return { code: grpcCode.unknown, message: `the server sent grpc-status ${text}, which is not a code: ${message}` };
}

/** What a response without `grpc-status` means (gRPC's http-grpc-status-mapping.md): it came from a proxy or from no gRPC server at all. */
export function statusOfHttp(httpStatus: number): StreamStatus {
  return {
    code: httpCodes.get(httpStatus) ?? grpcCode.unknown,
    message: `HTTP status ${httpStatus} and no grpc-status`,
  };
}

const httpCodes: ReadonlyMap<number, number> = new Map([
  [400, grpcCode.internal],
  [401, grpcCode.unauthenticated],
  [403, grpcCode.permissionDenied],
  [404, grpcCode.unimplemented],
  [429, grpcCode.unavailable],
  [502, grpcCode.unavailable],
  [503, grpcCode.unavailable],
  [504, grpcCode.unavailable],
]);

/** What a reset of the stream means (gRPC over HTTP/2, "Errors"). */
export function statusOfReset(rstCode: number): StreamStatus {
  const code = resets.get(rstCode)?.[0] ?? grpcCode.unknown;
  return { code, message: `the peer reset the stream with ${errorName(rstCode)}` };
}

/** An error code of HTTP/2 by its name. */
export function errorName(code: number): string {
  return `${resets.get(code)?.[1] ?? 'an unknown code'} (${code})`;
}

const resets: ReadonlyMap<number, readonly [number, string]> = new Map([
  [constants.NGHTTP2_NO_ERROR, [grpcCode.internal, 'NO_ERROR']],
  [constants.NGHTTP2_PROTOCOL_ERROR, [grpcCode.internal, 'PROTOCOL_ERROR']],
  [constants.NGHTTP2_INTERNAL_ERROR, [grpcCode.internal, 'INTERNAL_ERROR']],
  [constants.NGHTTP2_FLOW_CONTROL_ERROR, [grpcCode.internal, 'FLOW_CONTROL_ERROR']],
  [constants.NGHTTP2_SETTINGS_TIMEOUT, [grpcCode.internal, 'SETTINGS_TIMEOUT']],
  [constants.NGHTTP2_STREAM_CLOSED, [grpcCode.unknown, 'STREAM_CLOSED']],
  [constants.NGHTTP2_FRAME_SIZE_ERROR, [grpcCode.internal, 'FRAME_SIZE_ERROR']],
  [constants.NGHTTP2_REFUSED_STREAM, [grpcCode.unavailable, 'REFUSED_STREAM']],
  [constants.NGHTTP2_CANCEL, [grpcCode.cancelled, 'CANCEL']],
  [constants.NGHTTP2_COMPRESSION_ERROR, [grpcCode.internal, 'COMPRESSION_ERROR']],
  [constants.NGHTTP2_CONNECT_ERROR, [grpcCode.internal, 'CONNECT_ERROR']],
  [constants.NGHTTP2_ENHANCE_YOUR_CALM, [grpcCode.resourceExhausted, 'ENHANCE_YOUR_CALM']],
  [constants.NGHTTP2_INADEQUATE_SECURITY, [grpcCode.permissionDenied, 'INADEQUATE_SECURITY']],
]);

/** Percent-decodes a `grpc-message`; what is not valid encoding stays as it is, since a message must never be lost over its form. */
export function decodeGrpcMessage(text: string): string {
  if (!text.includes('%')) return text;
  const bytes: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const hex = text[i] === '%' ? text.slice(i + 1, i + 3) : '';
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      bytes.push(Number.parseInt(hex, 16));
      i += 2;
    } else {
      bytes.push(text.charCodeAt(i) & 0xff);
    }
  }
  return Buffer.from(bytes).toString('utf8');
}

/** Percent-encodes a message for a header: everything but printable ASCII, and `%`. */
export function encodeGrpcMessage(text: string): string {
  if (/^[ -$&-~]*$/.test(text)) return text;
  let encoded = '';
  for (const byte of Buffer.from(text, 'utf8')) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
