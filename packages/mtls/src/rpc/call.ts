import { type Clock, outsideContext, type RpcTransport } from '@inmesh/core';
import { RpcError, rpcCode } from './rpc-error.ts';

export interface RpcCall {
  readonly transport: RpcTransport;
  /** gRPC's, such as `/istio.v1.auth.IstioCertificateService/CreateCertificate`. */
  readonly path: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly request: Uint8Array;
  /** Milliseconds for all of it. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** Gives the call up. */
  readonly signal?: AbortSignal;
}

/** gRPC allows eight digits. */
const LONGEST_TIMEOUT_MS = 99_999_999;

/** One request, one response. Rejects with an RpcError, or with the reason of the signal. */
export function callRpc({
  transport,
  path,
  metadata,
  request,
  timeoutMs,
  clock,
  signal,
}: RpcCall): Promise<Uint8Array> {
  const timeout = `${Math.min(Math.ceil(timeoutMs), LONGEST_TIMEOUT_MS)}m`;
  return outsideContext(
    () =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        let answer: Uint8Array | null = null;
        const giveUp = (error: unknown) => {
          settle();
          stream.close();
          reject(error);
        };
        const aborted = () => giveUp(signal?.reason);
        const timer = clock.setTimer(timeoutMs, () => {
          giveUp(new RpcError({ code: rpcCode.deadlineExceeded, message: `no answer within ${timeoutMs} ms` }));
        });
        const settle = () => {
          timer.cancel();
          signal?.removeEventListener('abort', aborted);
        };
        signal?.addEventListener('abort', aborted);
        const stream = transport.open(
          path,
          { ...metadata, 'grpc-timeout': timeout },
          {
            onMessage: (message) => {
              answer = message;
            },
            onEnd: (status) => {
              settle();
              if (status.code !== rpcCode.ok) reject(new RpcError(status));
              else if (answer === null) reject(new RpcError({ code: 13, message: 'the server answered with nothing' }));
              else resolve(answer);
            },
          },
        );
        stream.send(request);
        stream.finish();
      }),
  );
}
