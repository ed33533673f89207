/** How a stream ended, in gRPC's status codes: 0 OK, 14 UNAVAILABLE … */
export interface StreamStatus {
  readonly code: number;
  readonly message: string;
}

/** Hears what comes back on a stream. */
export interface StreamHandlers {
  /** The connection is up, so what was sent is on its way and an answer can be waited for. At most once, before any message. */
  onOpen?(): void;
  /** One whole message. Its bytes never change, but may be part of larger memory: whoever keeps some of them for long makes a copy. */
  onMessage(message: Uint8Array): void;
  /** Exactly once, also when the connection never came up. Nothing follows. */
  onEnd(status: StreamStatus): void;
}

/** A bidirectional stream of messages. */
export interface MessageStream {
  /** Queues a message; sent at once when the connection is there. */
  send(message: Uint8Array): void;
  /** Stops reading: flow control towards the sender. */
  pause(): void;
  resume(): void;
  /** Ends the stream; `onEnd` is not called for a stream that its owner closed. */
  close(): void;
}

/** Streams to one server, on one connection that is opened on demand: what the ADS client runs on, so that it knows no sockets. */
export interface StreamTransport {
  /** `path` is gRPC's, such as `/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources`. */
  open(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): MessageStream;
  /** Closes the connection and every stream on it. */
  close(): void;
}

/** A stream whose client can say that it has sent its last message: servers of calls with one request wait for that. */
export interface RpcStream extends MessageStream {
  finish(): void;
}

/** For calls with one request, beside streams. */
export interface RpcTransport extends StreamTransport {
  open(path: string, metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): RpcStream;
}
