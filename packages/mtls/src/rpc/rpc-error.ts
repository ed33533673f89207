import type { StreamStatus } from '@inmesh/core';

/** gRPC's status codes that say more than that it went wrong. */
export const rpcCode = {
  ok: 0,
  invalidArgument: 3,
  deadlineExceeded: 4,
  permissionDenied: 7,
  unimplemented: 12,
} as const;

/** A call that its server, or the way to it, ended with another status than OK. */
export class RpcError extends Error {
  override readonly name: string = 'RpcError';
  /** gRPC's. */
  readonly code: number;

  constructor({ code, message }: StreamStatus) {
    super(`${message} (status ${code})`);
    this.code = code;
  }
}
