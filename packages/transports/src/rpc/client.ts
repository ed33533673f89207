import { outsideContext, type RpcStream, type RpcTransport, type StreamHandlers } from '@inmesh/core';
import { type FilledOptions, fillOptions, type GrpcChannelOptions } from './client-options.ts';
import { ClientSession } from './client-session.ts';
import { ClientStream } from './client-stream.ts';
import { type Address, parseTarget } from './target.ts';

/**
 * gRPC streams to one server over one HTTP/2 connection, which is opened by the first `open` and again by the next one
 * after it died. There is no backoff here: who opens streams decides when to try again. The connection never keeps the
 * process alive. Throws a TypeError for a target that cannot be read.
 */
export function grpcChannel(options: GrpcChannelOptions): RpcTransport {
  const address = parseTarget(options.target);
  return new GrpcChannel(fillOptions(options, address.authority), address);
}

class GrpcChannel implements RpcTransport {
  readonly #options: FilledOptions;
  readonly #address: Address;
  #session: ClientSession | null = null;

  constructor(options: FilledOptions, address: Address) {
    this.#options = options;
    this.#address = address;
  }

  open(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): RpcStream {
    return outsideContext(() => {
      if (this.#session === null || !this.#session.usable) {
        this.#session = new ClientSession(this.#options, this.#address);
      }
      return new ClientStream(this.#session, path, metadata, handlers);
    });
  }

  close(): void {
    this.#session?.destroy('the channel was closed');
    this.#session = null;
  }
}
