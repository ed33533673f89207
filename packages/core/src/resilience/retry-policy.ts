import { isMeshError } from '../errors.ts';
import type { RetryPolicyConfig } from '../model/route.ts';

/** What is known of an attempt when it has failed or its response begins. */
export interface Outcome {
  /** Status of the response; 0 where there is none. */
  readonly status: number;
  /** Null where a response began. */
  readonly error: Error | null;
  /** Whether any byte of the request may have reached the endpoint. */
  readonly sent: boolean;
  /** RFC 9110, section 9.2.2: doing it twice does what doing it once does. */
  readonly idempotent: boolean;
}

/** Decides from plain facts whether an attempt is worth repeating; how often and when is the layer's business. */
export interface CompiledRetryPolicy {
  /** Retries beyond the first attempt. */
  readonly numRetries: number;
  readonly perTryTimeoutMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
  readonly avoidPreviousHosts: boolean;
  readonly hostSelectionRetryMaxAttempts: number;
  /** True where the feed gave the policy: its limits, not the built-in budget, bound the retries. */
  readonly fromFeed: boolean;
  /** Whether any status can lead to a retry: responses pass untouched otherwise. */
  readonly looksAtStatus: boolean;
  shouldRetry(outcome: Outcome): boolean;
}

/** Retries that can do no harm: what was certainly not processed, and idempotent requests whose connection died under them. */
export const SAFE_RETRY_POLICY: CompiledRetryPolicy = {
  // Two, as Istio's default: a third host in a row that cannot be reached is no accident.
  numRetries: 2,
  perTryTimeoutMs: 0,
  backoffBaseMs: 25,
  backoffMaxMs: 250,
  avoidPreviousHosts: true,
  hostSelectionRetryMaxAttempts: 5,
  fromFeed: false,
  looksAtStatus: false,
  shouldRetry: ({ error, sent, idempotent }) =>
    isMeshError(error) &&
    (error.code === 'connection_failure' ||
      (error.code === 'connection_termination' && (!sent || idempotent)) ||
      (error.code === 'remote_reset' && (!sent || error.unprocessed))),
};

/** For callers that want to see what comes of one attempt. */
export const NO_RETRIES: CompiledRetryPolicy = { ...SAFE_RETRY_POLICY, numRetries: 0, shouldRetry: () => false };

const KNOWN_TOKENS = new Set([
  '5xx',
  'gateway-error',
  'reset',
  'reset-before-request',
  'connect-failure',
  'refused-stream',
  'retriable-4xx',
  'retriable-status-codes',
]);

/**
 * `retry_on` made ready. Tokens about gRPC statuses (`unavailable` …) never match an HTTP call and are left out here.
 * (envoy.config.route.v3.RetryPolicy; Envoy's router filter documents the tokens)
 */
export function compileRetryPolicy(config: RetryPolicyConfig | null): CompiledRetryPolicy {
  if (config === null) return SAFE_RETRY_POLICY;
  const on = new Set(config.retryOn.filter((token) => KNOWN_TOKENS.has(token)));
  const codes = new Set(on.has('retriable-status-codes') ? config.retriableStatusCodes : []);
  const statusMatters = on.has('5xx') || on.has('gateway-error') || on.has('retriable-4xx') || codes.size > 0;
  return {
    numRetries: config.numRetries,
    perTryTimeoutMs: config.perTryTimeoutMs,
    backoffBaseMs: config.backoffBaseMs,
    backoffMaxMs: config.backoffMaxMs,
    avoidPreviousHosts: config.avoidPreviousHosts,
    hostSelectionRetryMaxAttempts: config.hostSelectionRetryMaxAttempts,
    fromFeed: true,
    looksAtStatus: statusMatters,
    shouldRetry: ({ status, error, sent }) =>
      error === null ? matchesStatus(on, codes, status) : matchesError(on, error, sent),
  };
}

function matchesStatus(on: ReadonlySet<string>, codes: ReadonlySet<number>, status: number): boolean {
  if (on.has('5xx') && status >= 500 && status < 600) return true;
  if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
  if (on.has('retriable-4xx') && status === 409) return true;
  return codes.has(status);
}

function matchesError(on: ReadonlySet<string>, error: Error, sent: boolean): boolean {
  if (!isMeshError(error)) return false;
  switch (error.code) {
    case 'connection_failure':
      return (
        on.has('connect-failure') ||
        on.has('reset-before-request') ||
        on.has('reset') ||
        on.has('5xx') ||
        on.has('gateway-error')
      );
    case 'connection_termination':
    case 'remote_reset':
    case 'protocol_error':
      if (!sent && (on.has('refused-stream') || on.has('reset-before-request') || on.has('connect-failure')))
        return true;
      if (error.unprocessed && on.has('refused-stream')) return true;
      return on.has('reset') || on.has('5xx') || on.has('gateway-error');
    case 'request_timeout':
      // Only a per-try timeout comes this far: the route's own deadline ends the call outside the retries.
      return on.has('reset') || on.has('5xx') || on.has('gateway-error');
    default:
      return false;
  }
}

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE', 'QUERY']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}
