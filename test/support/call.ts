import { Call, Headers } from '@inmesh/core';

/** A call as far as routing looks at it: a GET without headers. */
export function callTo(authority: string, path: string): Call {
  return new Call({ method: 'GET', scheme: 'http', authority, path, headers: Headers.empty(), upgrade: null }, null, {
    failAs: 'error',
    target: authority,
    headersTimeoutMs: null,
    bodyTimeoutMs: null,
    overrides: null,
    protocol: 'http1',
    passThrough: null,
  });
}
