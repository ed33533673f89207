import assert from 'node:assert/strict';
import { shownRequest } from '../format/shown.ts';
import type { HostRewrite, PathRewrite, RedirectAction } from '../model/rewrite.ts';
import type { PathMatch } from '../model/route.ts';
import { type CallOptions, makeCall } from '../testing/caller.ts';
import { prefix } from '../testing/models.ts';
import { noRegex } from '../util/regex.ts';
import { compileRedirect } from './redirect.ts';
import { compileHostRewrite, compilePathRewrite, rewriteHead } from './rewrite.ts';

function rewritten(path: PathRewrite | null, host: HostRewrite | null, options: CallOptions, forwardedHost = false) {
  const call = makeCall(options);
  rewriteHead(shownRequest(call, 0), {
    path: path === null ? null : compilePathRewrite(path, prefix('/api'), noRegex),
    host: host === null ? null : compileHostRewrite(host, noRegex),
    autoHost: false,
    notes: { forwardedHost, original: true },
  });
  return [call.head.authority, call.head.path, ...call.head.headers.flat()];
}

function location(action: Partial<RedirectAction>, options: CallOptions = {}, match: PathMatch = prefix('/a')): string {
  const whole = {
    kind: 'redirect',
    status: 301,
    scheme: '',
    host: '',
    port: 0,
    path: null,
    stripQuery: false,
  } as const;
  return compileRedirect({ ...whole, ...action }, match, noRegex)(shownRequest(makeCall(options), 0));
}

describe('rewrites', () => {
  it('replace what the route matched of the path, and note how it was', () => {
    const api = { kind: 'prefix', value: '/v2' } as const;
    assert.deepEqual(rewritten(api, null, { path: '/api/x?y', authority: 'h' }), [
      'h',
      '/v2/x?y',
      'x-envoy-original-path',
      '/api/x?y',
    ]);
  });

  it('leave alone what a format or a header has no value for', () => {
    assert.deepEqual(rewritten({ kind: 'format', value: '%REQ(x-none)%' }, null, { path: '/api', authority: 'h' }), [
      'h',
      '/api',
    ]);
    assert.deepEqual(rewritten(null, { kind: 'header', name: 'x-none' }, { path: '/api', authority: 'h' }), [
      'h',
      '/api',
    ]);
  });

  it('make the host from the path as it came, and add what it was to those that forwarded before', () => {
    const both = rewritten(
      { kind: 'prefix', value: '/new' },
      { kind: 'format', value: '%REQ(:path)%'.replace('%REQ', 'x%REQ') },
      { path: '/api', authority: 'h', headers: ['x-forwarded-host', 'a'] },
      true,
    );
    assert.deepEqual(both.slice(0, 4), ['x/api', '/new', 'x-forwarded-host', 'a,h']);
  });
});

describe('redirects', () => {
  it('keep what they do not name', () => {
    assert.equal(location({}, { authority: 'h:81', path: '/a?b' }), 'http://h:81/a?b');
    assert.equal(location({ stripQuery: true }, { authority: 'h', path: '/a?b' }), 'http://h/a');
  });

  it('drop the own port of a scheme that they replace, and any port for one of theirs', () => {
    assert.equal(location({ scheme: 'https' }, { authority: 'h:80', path: '/' }), 'https://h/');
    assert.equal(location({ scheme: 'https' }, { authority: 'h:81', path: '/' }), 'https://h:81/');
    assert.equal(location({ port: 82 }, { authority: 'h:81', path: '/' }), 'http://h:82/');
  });

  it('take the scheme from x-forwarded-proto', () => {
    const headers = ['x-forwarded-proto', 'https'];
    assert.equal(location({ scheme: 'http' }, { authority: 'h:443', path: '/', headers }), 'http://h/');
    assert.equal(location({}, { authority: 'h:443', path: '/', headers }), 'https://h:443/');
  });

  it('give a path of their own the query of the request, unless it has one', () => {
    assert.equal(
      location({ path: { kind: 'replace', value: '/n' } }, { authority: 'h', path: '/a?b' }),
      'http://h/n?b',
    );
    assert.equal(
      location({ path: { kind: 'replace', value: '/n?c' } }, { authority: 'h', path: '/a?b' }),
      'http://h/n?c',
    );
  });
});
