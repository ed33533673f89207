import {
  type Clock,
  type LookupAnswer,
  type LookupService,
  MeshError,
  type RouteLookupConfig,
  type RouteLookupRequest,
  type RpcTransport,
} from '@inmesh/core';
import { grpcChannel } from '@inmesh/transports/rpc';
import { readRouteLookup, writeRouteLookup, type XdsServer } from '@inmesh/xds';
import { callCredentials, serverTls } from './server-credentials.ts';

const PATH = '/grpc.lookup.v1.RouteLookupService/RouteLookup';

export interface RouteLookupServiceParts {
  /** The control plane by whose feed lookups are made; null where there is none. */
  readonly server: XdsServer | null;
  readonly clock: Clock;
  readonly onError: (error: Error) => void;
}

/**
 * Asks a lookup service over gRPC, with the credentials of the control plane whose feed names it. (gRPC takes those of the channel that the
 * calls go over; a mesh has none such for all its clusters.) The service's certificate must be for the host of its own target.
 */
export function openLookupService(
  { server, clock, onError }: RouteLookupServiceParts,
  config: RouteLookupConfig,
  onRecovered: () => void,
): LookupService {
  try {
    if (server === null) {
      throw new MeshError('invalid_config', 'there is no control plane whose credentials it could be asked with', {});
    }
    return new GrpcLookupService(asServer(server, config.lookupService), config, clock, onError, onRecovered);
  } catch (cause) {
    const error = new MeshError(
      'invalid_config',
      `lookup service ${config.lookupService} cannot be asked: ${(cause as Error).message}`,
      { cause },
    );
    onError(error);
    return { lookup: () => Promise.reject(error), close: () => {} };
  }
}

/** Names that a control plane's certificate may have are not the lookup service's. */
function asServer(server: XdsServer, uri: string): XdsServer {
  const { credentials } = server;
  if (credentials.kind !== 'tls') return { ...server, uri };
  const { serverName: _, subjectAltNames: __, ...kept } = credentials;
  return { ...server, uri, credentials: kept };
}

class GrpcLookupService implements LookupService {
  readonly #server: XdsServer;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #onError: (error: Error) => void;
  readonly #onRecovered: () => void;
  readonly #channel: RpcTransport;
  /** True while the last attempt to connect failed. */
  #down = false;

  constructor(
    server: XdsServer,
    { lookupServiceTimeoutMs }: RouteLookupConfig,
    clock: Clock,
    onError: (error: Error) => void,
    onRecovered: () => void,
  ) {
    this.#server = server;
    this.#timeoutMs = lookupServiceTimeoutMs;
    this.#clock = clock;
    this.#onError = onError;
    this.#onRecovered = onRecovered;
    this.#channel = grpcChannel({ target: server.uri, tls: serverTls(server, onError), clock });
  }

  lookup(request: RouteLookupRequest): Promise<LookupAnswer> {
    const timeoutMs = this.#timeoutMs;
    const metadata = {
      ...callCredentials(this.#server, this.#onError),
      'grpc-timeout': `${Math.min(Math.ceil(timeoutMs), 99_999_999)}m`,
    };
    return new Promise((resolve, reject) => {
      let answer: LookupAnswer | null = null;
      let open = false;
      const timer = this.#clock.setTimer(timeoutMs, () => {
        stream.close();
        reject(new Error(`no answer within ${timeoutMs} ms`));
      });
      const stream = this.#channel.open(PATH, metadata, {
        onOpen: () => {
          open = true;
          if (!this.#down) return;
          this.#down = false;
          this.#onRecovered();
        },
        onMessage: (bytes) => {
          answer = readRouteLookup(bytes);
        },
        onEnd: ({ code, message }) => {
          timer.cancel();
          if (!open) this.#down = true;
          if (code === 0 && answer !== null) resolve(answer);
          else reject(new Error(code === 0 ? 'the answer is no RouteLookupResponse' : `${message} (status ${code})`));
        },
      });
      stream.send(writeRouteLookup(request));
      stream.finish();
    });
  }

  close(): void {
    this.#channel.close();
  }
}
