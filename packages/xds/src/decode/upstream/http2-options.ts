import type { Http2ProtocolOptions, KeepaliveSettings } from '@inmesh/api/gen/envoy/config/core/v3/protocol_pb';
import { DEFAULT_HTTP2, type Http2Keepalive, type Http2Options } from '@inmesh/core';
import { milliseconds, Refusal } from '../decoding.ts';

/** As Envoy's. (KeepaliveSettings.interval_jitter) */
const DEFAULT_JITTER_PERCENT = 15;

/** Limits that guard Envoy's own codec against a flood of frames have no part here: node:http2 has its own. */
export function decodeHttp2Options(message: Http2ProtocolOptions | undefined, field: string): Http2Options {
  if (message === undefined) return DEFAULT_HTTP2;
  const { connectionKeepalive: keepalive } = message;
  return {
    maxConcurrentStreams: message.maxConcurrentStreams ?? DEFAULT_HTTP2.maxConcurrentStreams,
    initialStreamWindowSize: message.initialStreamWindowSize ?? null,
    initialConnectionWindowSize: message.initialConnectionWindowSize ?? null,
    keepalive: keepalive === undefined ? null : decodeKeepalive(keepalive, `${field}.connection_keepalive`),
    allowConnect: message.allowConnect,
    streamErrorOnInvalidMessage:
      message.overrideStreamErrorOnInvalidHttpMessage ?? message.streamErrorOnInvalidHttpMessaging,
  };
}

function decodeKeepalive(message: KeepaliveSettings, field: string): Http2Keepalive {
  if (message.timeout === undefined) throw new Refusal(`${field}.timeout`, 'value is required');
  return {
    intervalMs: message.interval === undefined ? 0 : milliseconds(message.interval),
    timeoutMs: milliseconds(message.timeout),
    intervalJitterPercent: message.intervalJitter?.value ?? DEFAULT_JITTER_PERCENT,
    connectionIdleIntervalMs:
      message.connectionIdleInterval === undefined ? 0 : milliseconds(message.connectionIdleInterval),
  };
}
