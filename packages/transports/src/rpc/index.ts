export { grpcChannel } from './client.ts';
export type { GrpcChannelOptions, GrpcClientTls } from './client-options.ts';
export {
  type GrpcServer,
  type GrpcServerOptions,
  grpcServer,
  type ListenAt,
} from './server.ts';
export type { GrpcServerHandlers, GrpcServerMethod, GrpcServerStream } from './server-stream.ts';
export { grpcCode } from './status.ts';
export { parseTarget } from './target.ts';
