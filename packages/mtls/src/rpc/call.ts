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
}

/** gRPC allows eight digits. */
const LONGEST_TIMEOUT_MS = 99_999_999;

/** One request, one response. Rejects with an RpcError. */
export function callRpc({ transport, path, metadata, request, timeoutMs, clock }: RpcCall): Promise<Uint8Array> {
  const timeout = `${Math.min(Math.ceil(timeoutMs), LONGEST_TIMEOUT_MS)}m`;
  return outsideContext(
    () =>
      new Promise((resolve, reject) => {
        let answer: Uint8Array | null = null;
        const timer = clock.setTimer(timeoutMs, () => {
          stream.close();
          reject(new RpcError({ code: rpcCode.deadlineExceeded, message: `no answer within ${timeoutMs} ms` }));
        });
        const stream = transport.open(
          path,
          { ...metadata, 'grpc-timeout': timeout },
          {
            onMessage: (message) => {
              answer = message;
            },
            onEnd: (status) => {
              timer.cancel();
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
