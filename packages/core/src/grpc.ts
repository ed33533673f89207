import type { Headers } from './headers.ts';

/** True where a message is gRPC's, as Envoy tells: `application/grpc`, or a kind of it such as `application/grpc+proto`; no parameters. */
export function isGrpc(headers: Headers): boolean {
  const type = headers.get('content-type')?.trim();
  return type?.startsWith('application/grpc') === true && (type.length === 16 || type[16] === '+');
}

/** What gRPC makes of an HTTP status in the place of its own, UNKNOWN for 200 too: that says nothing of the call. (http-grpc-status-mapping.md) */
export function grpcStatusOf(httpStatus: number): number {
  return statuses.get(httpStatus) ?? 2;
}

const statuses: ReadonlyMap<number, number> = new Map([
  [400, 13],
  [401, 16],
  [403, 7],
  [404, 12],
  [429, 14],
  [502, 14],
  [503, 14],
  [504, 14],
]);

const utf8 = new TextDecoder();

/** `grpc-message`: percent-encoded but for printable ASCII. (gRPC over HTTP/2, Status-Message) */
export function grpcMessage(body: Uint8Array): string {
  return utf8.decode(body).replace(/[^\x20-\x24\x26-\x7e]/gu, encodeURIComponent);
}
