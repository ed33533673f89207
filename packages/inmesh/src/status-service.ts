import type { GrpcServerMethod } from '@inmesh/transports/rpc';
import type { ClientStatus, StatusRefusal } from '@inmesh/xds';

/** One method, as `addService` of @grpc/grpc-js takes it. */
export interface StatusMethod {
  readonly path: string;
  readonly requestStream: boolean;
  readonly responseStream: boolean;
  readonly requestSerialize: (message: Buffer) => Buffer;
  readonly requestDeserialize: (bytes: Buffer) => Buffer;
  readonly responseSerialize: (message: Buffer) => Buffer;
  readonly responseDeserialize: (bytes: Buffer) => Buffer;
}

/** The part of grpc-js's calls that is used. */
interface UnaryCall {
  readonly request: Buffer;
}
interface BidiCall {
  on(event: 'data', listener: (request: Buffer) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  write(response: Buffer): unknown;
  end(): unknown;
  emit(event: 'error', error: Error): unknown;
}
type Answer = (error: Error | null, response?: Buffer) => void;

/** The Client Status Discovery Service (envoy.service.status.v3, gRFC A40), ready to be mounted. */
export interface StatusService {
  /** For a server of @grpc/grpc-js: `server.addService(status.service, status.handlers)`. */
  readonly service: { readonly StreamClientStatus: StatusMethod; readonly FetchClientStatus: StatusMethod };
  readonly handlers: {
    readonly StreamClientStatus: (call: BidiCall) => void;
    readonly FetchClientStatus: (call: UnaryCall, answer: Answer) => void;
  };
  /** For the gRPC server of `@inmesh/transports/rpc`, by path. */
  readonly methods: { readonly [path: string]: GrpcServerMethod };
}

const paths = {
  stream: '/envoy.service.status.v3.ClientStatusDiscoveryService/StreamClientStatus',
  fetch: '/envoy.service.status.v3.ClientStatusDiscoveryService/FetchClientStatus',
} as const;

/** Messages stay bytes between the server and the answers: neither server has to know how they are written. */
export function statusService(status: ClientStatus): StatusService {
  return {
    service: { StreamClientStatus: method(paths.stream, true), FetchClientStatus: method(paths.fetch, false) },
    handlers: {
      StreamClientStatus: (call) => answerAll(status, call),
      FetchClientStatus: (call, answer) => {
        status.answer(call.request).then((given) => {
          if (given instanceof Uint8Array) answer(null, Buffer.from(given));
          else answer(errorOf(given));
        }, answer);
      },
    },
    methods: { [paths.stream]: rpcMethod(status, false), [paths.fetch]: rpcMethod(status, true) },
  };
}

function method(path: string, stream: boolean): StatusMethod {
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    path,
    requestStream: stream,
    responseStream: stream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** A response for each request, in order. */
function answerAll(status: ClientStatus, call: BidiCall): void {
  let before: Promise<unknown> = Promise.resolve();
  let over = false;
  const inTurn = (step: () => unknown): void => {
    before = before
      .then(() => (over ? undefined : step()))
      .catch((error: Error) => {
        over = true;
        call.emit('error', error);
      });
  };
  call.on('data', (request) =>
    inTurn(async () => {
      const given = await status.answer(request);
      if (!(given instanceof Uint8Array)) throw errorOf(given);
      call.write(Buffer.from(given));
    }),
  );
  call.on('end', () => inTurn(() => call.end()));
}

/** Reads no further while an answer is made: who asks faster than they read waits. */
function rpcMethod(status: ClientStatus, once: boolean): GrpcServerMethod {
  return (stream) => ({
    onMessage: (message) => {
      stream.pause();
      status.answer(new Uint8Array(message)).then(
        (given) => {
          if (!(given instanceof Uint8Array)) stream.end(given);
          else {
            const room = stream.send(given);
            if (once) stream.end({ code: 0, message: '' });
            else if (room) stream.resume();
          }
        },
        (error: Error) => stream.end({ code: 13, message: error.message }),
      );
    },
    onDrain: () => stream.resume(),
    onHalfClose: () => stream.end(once ? { code: 13, message: 'there was no request' } : { code: 0, message: '' }),
  });
}

/** With the fields by which grpc-js tells a status. */
function errorOf({ code, message }: StatusRefusal): Error {
  return Object.assign(new Error(message), { code, details: message });
}
