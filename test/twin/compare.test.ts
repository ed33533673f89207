import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { disagreements } from './compare.ts';
import { broken } from './expectation.ts';
import { NORMALISATIONS } from './normalise.ts';
import type { Observation } from './observation.ts';
import { parseRequestLine } from './request-line.ts';
import { bounds } from './shares.ts';

describe('what the twin compares', () => {
  const arrival = {
    recorder: 'one',
    method: 'GET',
    path: '/',
    headers: [['Host', 'shop']] as const,
    body: '',
    trailers: [],
    connection: 1,
    wire: 'HTTP/1.1',
  };
  const seen: Observation = {
    side: 'envoy',
    reply: { status: 200, headers: [['X-A', '1']], body: 'one', trailers: [], informational: [], broken: false },
    flags: '-',
    details: null,
    cluster: 'one',
    endpoint: '127.0.0.1:1',
    arrivals: [arrival],
  };
  const inmesh: Observation = { ...seen, side: 'inmesh' };
  const reply = (more: Partial<Observation['reply']>): Observation => ({
    ...inmesh,
    reply: { ...seen.reply, ...more },
  });
  const arrives = (more: Partial<typeof arrival>): Observation => ({ ...inmesh, arrivals: [{ ...arrival, ...more }] });

  it('agrees about the same, and about names in another letter case', () => {
    assert.deepEqual(disagreements({ envoy: seen, inmesh }), []);
    assert.deepEqual(disagreements({ envoy: seen, inmesh: reply({ headers: [['x-a', '1']] }) }), []);
  });

  for (const [what, other] of [
    ['status', reply({ status: 201 })],
    ['response headers, x-a', reply({ headers: [['x-a', '2']] })],
    ['response body', reply({ body: 'two' })],
    ['broken off', reply({ broken: true })],
    ['cluster', { ...inmesh, cluster: null }],
    ['recorders', { ...inmesh, arrivals: [arrival, arrival] }],
    ['recorders', arrives({ recorder: 'two' })],
    ['upstream method', arrives({ method: 'POST' })],
    ['upstream path', arrives({ path: '/a' })],
    ['upstream headers, host', arrives({ headers: [['host', 'other']] as never })],
    ['upstream body', arrives({ body: 'x' })],
  ] as const) {
    it(`sees another ${what}`, () => {
      const lines = disagreements({ envoy: seen, inmesh: other });
      assert.equal(lines.length, 1);
      assert.ok(lines[0]?.startsWith(`${what}: envoy `), lines[0]);
    });
  }

  it('sees other flags and details of an answer that the mesh gave', () => {
    const theirs = { ...seen, flags: 'NR', details: 'route_not_found' };
    assert.equal(disagreements({ envoy: theirs, inmesh: { ...inmesh, flags: 'UH', details: 'no' } }).length, 2);
  });

  it('holds each side to what the case says', () => {
    const { expected } = parseRequestLine('GET / -> 404 two x2 /a host=x [x-u: 1] {!x-a} "no" NR');
    assert.equal(broken(expected, seen).length, 9);
    const { expected: right } = parseRequestLine('GET / -> 200 one x1 / host=shop [!x-u] {x-a: 1} "one" -');
    assert.deepEqual(broken(right, seen), []);
  });

  it('leaves out nothing whose reason is not in differences.md', () => {
    const text = readFileSync(join(import.meta.dirname, 'differences.md'), 'utf8');
    for (const { heading } of NORMALISATIONS) assert.ok(text.includes(`## ${heading}\n`), heading);
  });
});

describe('bounds of a split', () => {
  it('leave so little to chance that a thousand of them stay below one in a million', () => {
    // The exact tails of 1,000 calls at 0.1, summed from the binomial itself.
    const { least, most } = bounds(1_000, 0.1);
    assert.ok(least < 100 && most > 100);
    let outside = 0;
    let term = 0.9 ** 1_000;
    for (let k = 0; k <= 1_000; k++) {
      if (k < least || k > most) outside += term;
      term *= ((1_000 - k) / (k + 1)) * (0.1 / 0.9);
    }
    assert.ok(outside < 1e-9, `${outside}`);
    assert.ok(outside > 1e-13, `${outside}: wider than need be`);
  });

  it('leave nothing to chance where all or none must go', () => {
    assert.deepEqual(bounds(50, 1), { least: 50, most: 50 });
    assert.deepEqual(bounds(50, 0), { least: 0, most: 0 });
  });
});
