import assert from 'node:assert/strict';
import type { HashPolicy } from '../model/hash-policy.ts';
import { type CallOptions, makeCall, send } from '../testing/caller.ts';
import { Harness } from '../testing/harness.ts';
import { forward, route, virtualHost } from '../testing/models.ts';
import { seededRandom } from '../util/random.ts';
import { noRegex } from '../util/regex.ts';
import { compileHashPolicies } from './hash-policy.ts';

const parts = { regex: noRegex, random: seededRandom(1) };
const header: HashPolicy = { kind: 'header', name: 'x-user', rewrite: null, terminal: false };
const query: HashPolicy = { kind: 'query_parameter', name: 'user', terminal: false };
const cookie: HashPolicy = {
  kind: 'cookie',
  name: 'c',
  ttlMs: 90_500,
  path: '/p',
  attributes: [
    ['SameSite', 'Lax'],
    ['Secure', ''],
  ],
  terminal: false,
};

function hash(policies: readonly HashPolicy[], options: CallOptions = {}): bigint | null {
  return compileHashPolicies(policies, parts)?.(makeCall(options)) ?? null;
}

const alice = ['x-user', 'alice'];

describe('hash policies', () => {
  it('are nothing where there are none, and where the call has none of it', () => {
    assert.equal(compileHashPolicies([], parts), null);
    assert.equal(
      hash([
        header,
        query,
        { kind: 'source_ip', terminal: false },
        { kind: 'filter_state', key: 'k', terminal: false },
      ]),
      null,
    );
  });

  it('hash the same to the same, in whatever order several values come', () => {
    assert.equal(hash([header], { headers: alice }), hash([query], { path: '/?user=alice' }));
    assert.equal(
      hash([header], { headers: [...alice, 'X-User', 'bob'] }),
      hash([header], { headers: ['x-user', 'bob', ...alice] }),
    );
  });

  it('do not cancel each other out', () => {
    const twice = hash([header, query], { headers: alice, path: '/?user=alice' });
    assert.notEqual(twice, 0n);
    assert.notEqual(twice, hash([header], { headers: alice }));
  });

  it('end with one that is terminal, where it has a hash', () => {
    const terminal = { ...header, terminal: true };
    const both: CallOptions = { headers: alice, path: '/?user=bob' };
    assert.equal(hash([terminal, query], both), hash([header], both));
    assert.equal(hash([terminal, query], { path: '/?user=bob' }), hash([query], { path: '/?user=bob' }));
  });

  it('give a call without its cookie one', () => {
    const call = makeCall();
    const made = compileHashPolicies([cookie], parts)?.(call);
    const [set = ''] = call.cookies ?? [];
    const [, value = ''] = /^c="([0-9a-f]{16})"; Max-Age=90; Path=\/p; SameSite=Lax; Secure; HttpOnly$/.exec(set) ?? [];
    assert.equal(made, hash([cookie], { headers: ['cookie', `a=b; c=${value}`] }));
  });

  it('tell the caller of the cookie with the answer', () => {
    const harness = new Harness();
    harness.use(virtualHost([route(forward('reviews', { hashPolicies: [cookie], weightsByHash: true }))]));
    const { call, caller } = send(harness.dispatch);
    call.hash();
    harness.connector.next.accept();
    harness.connector.last.answer(200);
    assert.match(caller.headers.get('set-cookie') ?? '', /^c="[0-9a-f]{16}"; Max-Age=90/);
  });
});
