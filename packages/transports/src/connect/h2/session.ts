import { type ClientHttp2Session, connect, type SecureClientSessionOptions } from 'node:http2';
import type { Socket } from 'node:net';
import { type ClusterConfig, outsideContext } from '@inmesh/core';
import { CONNECTION_WINDOW, SESSION_MEMORY_MB, STREAM_WINDOW } from '../../http2/session-limits.ts';

/** Envoy's default. (max_response_headers_kb) */
export const MAX_RESPONSE_HEADER_BYTES: number = 60 * 1024;
/** What HTTP/2 counts for a header beside its name and value, and Envoy does not. (RFC 9113, 6.5.2) */
const HEADER_OVERHEAD = 32;
/** Bytes. How large a request's headers may be is the connection manager's to say; nghttp2's own 64 KB would end the session. */
const MAX_SEND_HEADERS = 0x2000000;

/** Node's options, with one that its types lack: two headers of one name are for the server to judge. */
interface Options extends SecureClientSessionOptions {
  readonly strictSingleValueFields: false;
}

/** A session on a socket that is open. Made outside any call's context: all calls share it. */
export function openSession(socket: Socket, config: ClusterConfig): ClientHttp2Session {
  const { maxResponseHeaders, maxResponseHeaderBytes } = config;
  const { http2 } = config.protocol;
  const options: Options = {
    createConnection: () => socket,
    settings: {
      enablePush: false,
      initialWindowSize: http2.initialStreamWindowSize ?? STREAM_WINDOW,
      maxHeaderListSize: (maxResponseHeaderBytes ?? MAX_RESPONSE_HEADER_BYTES) + HEADER_OVERHEAD * maxResponseHeaders,
    },
    // Until the server has heard that we want no pushes it may send some: they are refused.
    maxReservedRemoteStreams: 0,
    // `:status` among them.
    maxHeaderListPairs: maxResponseHeaders,
    maxSendHeaderBlockLength: MAX_SEND_HEADERS,
    maxSessionMemory: SESSION_MEMORY_MB,
    // As Envoy: until the server has told its own limit, ours is all there is; a queue within nghttp2 would be one that nobody sees.
    peerMaxConcurrentStreams: http2.maxConcurrentStreams,
    strictSingleValueFields: false,
  };
  const session = outsideContext(() => connect('http://mesh', options));
  if (!session.destroyed) session.setLocalWindowSize(http2.initialConnectionWindowSize ?? CONNECTION_WINDOW);
  return session;
}
