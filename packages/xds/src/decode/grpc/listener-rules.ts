import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { HttpConnectionManager } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { type Decoding, holds, Refusal, unpackUnchecked } from '../decoding.ts';
import { MANAGER, requireManager } from './manager-rules.ts';
import { requireServerListener } from './server-listener-rules.ts';

/** What gRPC refuses of a Listener: with an `api_listener` a client's, else a server's (gRFC A36). */
export function requireGrpcListener(decoding: Decoding, message: Listener): void {
  const any = message.apiListener?.apiListener;
  if (any === undefined) {
    requireServerListener(decoding, message);
    return;
  }
  const field = 'api_listener.api_listener';
  if (!holds(any, MANAGER)) throw new Refusal(field, 'is not supported: it must be an HttpConnectionManager');
  requireManager(decoding, unpackUnchecked<HttpConnectionManager>(any, MANAGER, field), field, 'client');
}
