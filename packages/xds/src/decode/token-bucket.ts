import type { TokenBucket as ProtoBucket } from '@inmesh/api/gen/envoy/type/v3/token_bucket_pb';
import type { TokenBucketConfig } from '@inmesh/core';
import { milliseconds, Refusal } from './decoding.ts';

/** Envoy fills no bucket more often. */
const LEAST_INTERVAL_MS = 50;

export function decodeTokenBucket(message: ProtoBucket, field: string): TokenBucketConfig {
  const fillIntervalMs = message.fillInterval === undefined ? 0 : milliseconds(message.fillInterval);
  if (fillIntervalMs < LEAST_INTERVAL_MS) {
    throw new Refusal(`${field}.fill_interval`, 'local rate limit token bucket fill timer must be >= 50ms');
  }
  return { maxTokens: message.maxTokens, tokensPerFill: message.tokensPerFill ?? 1, fillIntervalMs };
}
