import assert from 'node:assert/strict';
import { isMeshError, MeshError, type MeshErrorCode } from './errors.ts';

const RESET = 'upstream connect error or disconnect/reset before headers. reset reason: ';

describe('MeshError', () => {
  it('says its code, what happened and where', () => {
    const error = new MeshError('connection_failure', 'cannot connect', {
      cluster: 'reviews',
      endpoint: '10.0.0.1:1',
      attempt: 2,
    });
    assert.equal(error.message, '[connection_failure] cannot connect (cluster reviews, endpoint 10.0.0.1:1)');
    assert.equal(new MeshError('no_route', 'nothing matches').message, '[no_route] nothing matches');
    assert.deepEqual(error.place, { cluster: 'reviews', endpoint: '10.0.0.1:1', attempt: 2 });
    assert.equal(error.name, 'MeshError');
  });

  it('keeps its cause, and has none where none was given', () => {
    const cause = new Error('ECONNREFUSED');
    assert.equal(new MeshError('connection_failure', 'no', { cause }).cause, cause);
    assert.equal('cause' in new MeshError('connection_failure', 'no'), false);
  });

  const table: readonly [MeshErrorCode, number, string, string | null][] = [
    ['no_route', 404, 'NR', ''],
    ['no_cluster', 503, 'NC', ''],
    ['no_healthy_upstream', 503, 'UH', 'no healthy upstream'],
    ['upstream_overflow', 503, 'UO', `${RESET}overflow`],
    ['retry_limit_exceeded', 503, 'URX', null],
    ['connection_failure', 503, 'UF', `${RESET}remote connection failure`],
    ['connection_termination', 503, 'UC', `${RESET}connection termination`],
    ['remote_reset', 503, 'UR', `${RESET}remote reset`],
    ['protocol_error', 502, 'UPE', `${RESET}protocol error`],
    ['request_timeout', 504, 'UT', 'upstream request timeout'],
    ['config_timeout', 503, 'NR', null],
    ['hold_overflow', 503, 'UO', null],
    ['unsupported', 500, 'NFCF', null],
    ['invalid_request', 400, 'IH', null],
    ['invalid_config', 500, '-', null],
    ['not_in_mesh', 502, 'NR', null],
    ['draining', 503, 'OM', null],
  ];
  for (const [code, status, flag, body] of table) {
    it(`gives ${code} the status ${status} and the flag ${flag}`, () => {
      const error = new MeshError(code, 'why');
      assert.equal(error.status, status);
      assert.equal(error.flag, flag);
      assert.equal(error.body, body ?? `[${code}] why`);
      assert.ok(error.details.length > 0);
    });
  }

  it('lets a place override status, body and flag', () => {
    const error = new MeshError('no_cluster', 'gone', { status: 404, body: 'nope', flag: 'NR' });
    assert.deepEqual([error.status, error.body, error.flag], [404, 'nope', 'NR']);
    assert.deepEqual(error.place, {});
  });

  it('becomes the outcome of a call that was retried, as Envoy tells it', () => {
    const cause = new Error('reset');
    const first = new MeshError('connection_failure', 'cannot connect', { cluster: 'reviews', status: 500, cause });
    assert.equal(first.asLast({ retried: false, flag: null }), first);
    const second = first.asLast({ retried: true, flag: 'URX' });
    assert.equal(second.flag, 'URX,UF');
    assert.equal(second.body, first.body.replace('reset reason', 'retried and the latest reset reason'));
    assert.equal(second.message, first.message);
    assert.equal(second.details, first.details);
    assert.equal(second.status, 500);
    assert.equal(second.cause, cause);
    assert.deepEqual(second.place, { cluster: 'reviews' });
    assert.equal(first.flag, 'UF');
  });

  it('tells another reset reason in body and details', () => {
    const error = new MeshError('connection_failure', 'late', { reset: 'connection timeout' });
    assert.equal(error.body, `${RESET}connection timeout`);
    assert.equal(error.details, 'upstream_reset_before_response_started{connection_timeout}');
  });

  it('is recognised across copies of the package, and nothing else is', () => {
    const foreign = Object.assign(new Error('of another copy'), { [Symbol.for('inmesh.error')]: true });
    assert.ok(isMeshError(new MeshError('no_route', 'x')));
    assert.ok(isMeshError(foreign));
    for (const other of [new Error('x'), null, undefined, 'MeshError', { name: 'MeshError' }]) {
      assert.equal(isMeshError(other), false);
    }
  });
});
