import assert from 'node:assert/strict';
import { MeshError, type MeshErrorCode } from '../errors.ts';
import { retryPolicy } from '../testing/models.ts';
import { compileRetryPolicy, isIdempotent, type Outcome, SAFE_RETRY_POLICY } from './retry-policy.ts';

const failed = (code: MeshErrorCode, sent: boolean, idempotent = false): Outcome => ({
  status: 0,
  error: new MeshError(code, 'x'),
  sent,
  idempotent,
});
const answered = (status: number): Outcome => ({ status, error: null, sent: true, idempotent: false });

/** Every outcome an attempt can have. */
const outcomes: Readonly<Record<string, Outcome>> = {
  200: answered(200),
  409: answered(409),
  429: answered(429),
  500: answered(500),
  501: answered(501),
  502: answered(502),
  503: answered(503),
  504: answered(504),
  505: answered(505),
  'connect failure': failed('connection_failure', false),
  'closed before sending': failed('connection_termination', false),
  'closed while sending': failed('connection_termination', true),
  'reset before sending': failed('remote_reset', false),
  'refused stream': {
    ...failed('remote_reset', true),
    error: new MeshError('remote_reset', 'x', { unprocessed: true }),
  },
  'reset stream': failed('remote_reset', true),
  'invalid response': failed('protocol_error', true),
  'per-try timeout': failed('request_timeout', true),
  overflow: failed('upstream_overflow', false),
  'no healthy host': failed('no_healthy_upstream', false),
  'bad request': failed('invalid_request', false),
  closing: failed('draining', true),
  aborted: { status: 0, error: new Error('mine'), sent: true, idempotent: true },
};

const unsent = ['connect failure', 'closed before sending', 'reset before sending'];
const resets = [
  'connect failure',
  'closed before sending',
  'closed while sending',
  'reset before sending',
  'refused stream',
  'reset stream',
  'invalid response',
  'per-try timeout',
];

/** Envoy's tokens and what each repeats. (router filter, x-envoy-retry-on) */
const table: Readonly<Record<string, readonly string[]>> = {
  '': [],
  '5xx': ['500', '501', '502', '503', '504', '505', ...resets],
  'gateway-error': ['502', '503', '504', ...resets],
  reset: resets,
  'reset-before-request': unsent,
  'connect-failure': unsent,
  'refused-stream': ['closed before sending', 'reset before sending', 'refused stream'],
  'retriable-4xx': ['409'],
  'retriable-status-codes': ['429', '501'],
  'unavailable,cancelled,something-new': [],
  'connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes': [
    ...unsent,
    'refused stream',
    '429',
    '501',
  ],
};

describe('retry_on', () => {
  for (const [tokens, expected] of Object.entries(table)) {
    it(`${tokens || 'nothing'} repeats ${expected.join(', ') || 'nothing'}`, () => {
      const policy = compileRetryPolicy(retryPolicy(tokens, { retriableStatusCodes: [429, 501] }));
      const repeated = Object.keys(outcomes).filter((name) => policy.shouldRetry(outcomes[name] as Outcome));
      assert.deepEqual(repeated.sort(), [...expected].sort());
      assert.equal(policy.fromFeed, true);
    });
  }

  it('looks at the status only where one can lead to a retry', () => {
    const looks = (tokens: string, codes: number[] = []) =>
      compileRetryPolicy(retryPolicy(tokens, { retriableStatusCodes: codes })).looksAtStatus;
    assert.equal(looks('connect-failure,reset'), false);
    assert.equal(looks('retriable-status-codes'), false);
    assert.equal(looks('reset', [503]), false);
    for (const tokens of ['5xx', 'gateway-error', 'retriable-4xx']) assert.equal(looks(tokens), true);
    assert.equal(looks('retriable-status-codes', [503]), true);
  });

  it('keeps the numbers of the feed', () => {
    const config = retryPolicy('5xx', {
      numRetries: 7,
      perTryTimeoutMs: 8,
      backoffBaseMs: 9,
      backoffMaxMs: 90,
      avoidPreviousHosts: true,
      hostSelectionRetryMaxAttempts: 4,
    });
    const { numRetries, perTryTimeoutMs, backoffBaseMs, backoffMaxMs, avoidPreviousHosts } = compileRetryPolicy(config);
    assert.deepEqual(
      [numRetries, perTryTimeoutMs, backoffBaseMs, backoffMaxMs, avoidPreviousHosts],
      [7, 8, 9, 90, true],
    );
  });
});

describe('retries that the feed says nothing of', () => {
  it('repeat what was certainly not processed, and what does no harm twice', () => {
    assert.equal(compileRetryPolicy(null), SAFE_RETRY_POLICY);
    const repeated = (idempotent: boolean) =>
      Object.entries(outcomes)
        .filter(([, outcome]) => SAFE_RETRY_POLICY.shouldRetry({ ...outcome, idempotent }))
        .map(([name]) => name);
    assert.deepEqual(repeated(false), [...unsent, 'refused stream']);
    assert.deepEqual(repeated(true), [
      'connect failure',
      'closed before sending',
      'closed while sending',
      'reset before sending',
      'refused stream',
    ]);
    assert.equal(SAFE_RETRY_POLICY.fromFeed, false);
  });

  it('know which methods do no harm twice', () => {
    for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) assert.ok(isIdempotent(method), method);
    for (const method of ['POST', 'PATCH', 'CONNECT', 'get']) assert.ok(!isIdempotent(method), method);
  });
});
