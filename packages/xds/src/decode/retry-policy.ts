import type { RetryPolicy } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RetryPolicyConfig } from '@inmesh/core';
import { holds, milliseconds, otherFields, Refusal } from './decoding.ts';

const PREVIOUS_HOSTS = 'envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate';
const DEFAULT_BACKOFF_MS = 25;

const KNOWN: ReadonlySet<string> = new Set([
  'retry_on',
  'num_retries',
  'per_try_timeout',
  'retry_host_predicate',
  'host_selection_retry_max_attempts',
  'retriable_status_codes',
  'retry_back_off',
]);

export interface DecodedRetryPolicy {
  readonly config: RetryPolicyConfig;
  /** Fields that change when or where to retry, and that this version does not honour. */
  readonly unsupported: readonly string[];
}

/** Tokens of `retry_on` that nobody knows are kept: Envoy ignores them too. */
export function decodeRetryPolicy(message: RetryPolicy, field: string): DecodedRetryPolicy {
  const unsupported = otherFields(message, KNOWN).map((name) => `${field}.${name}`);
  let avoidPreviousHosts = false;
  for (const [index, predicate] of message.retryHostPredicate.entries()) {
    if (predicate.configType.case === 'typedConfig' && holds(predicate.configType.value, PREVIOUS_HOSTS)) {
      avoidPreviousHosts = true;
    } else {
      unsupported.push(`${field}.retry_host_predicate[${index}]`);
    }
  }
  return { config: { ...readBackoff(message, field), ...readRest(message), avoidPreviousHosts }, unsupported };
}

function readBackoff(
  message: RetryPolicy,
  field: string,
): { readonly backoffBaseMs: number; readonly backoffMaxMs: number } {
  const backoff = message.retryBackOff;
  const base = backoff?.baseInterval;
  if (base === undefined) return { backoffBaseMs: DEFAULT_BACKOFF_MS, backoffMaxMs: DEFAULT_BACKOFF_MS * 10 };
  // Envoy's timers count whole milliseconds, and one at least.
  const backoffBaseMs = Math.max(1, milliseconds(base));
  const backoffMaxMs =
    backoff?.maxInterval === undefined ? backoffBaseMs * 10 : Math.max(1, milliseconds(backoff.maxInterval));
  if (backoffMaxMs < backoffBaseMs) {
    throw new Refusal(`${field}.retry_back_off.max_interval`, 'value must be greater than or equal to base_interval');
  }
  return { backoffBaseMs, backoffMaxMs };
}

function readRest(
  message: RetryPolicy,
): Pick<
  RetryPolicyConfig,
  'retryOn' | 'numRetries' | 'retriableStatusCodes' | 'perTryTimeoutMs' | 'hostSelectionRetryMaxAttempts'
> {
  const tokens = message.retryOn.split(',').map((token) => token.trim().toLowerCase());
  return {
    retryOn: tokens.filter((token) => token !== ''),
    numRetries: message.numRetries ?? 1,
    retriableStatusCodes: [...message.retriableStatusCodes],
    perTryTimeoutMs: message.perTryTimeout === undefined ? 0 : milliseconds(message.perTryTimeout),
    // Absent and zero are the same on the wire, and Envoy takes both for its default.
    hostSelectionRetryMaxAttempts: Math.max(1, Number(message.hostSelectionRetryMaxAttempts)),
  };
}
