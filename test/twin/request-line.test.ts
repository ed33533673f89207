import assert from 'node:assert/strict';
import { parseRequestLine } from './request-line.ts';

describe('a request in one line', () => {
  it('has a method, a target, headers, a body, and all that is expected', () => {
    const line = parseRequestLine(
      'POST shop.example:80/a?b=1 [x-user: alice] [cookie: a=b; c=[d]] "up" -> 200 one x2 /c host=other [x-a: 1] [!x-b] {server: x} {!via} "down" URX,UF',
    );
    assert.deepEqual(line, {
      method: 'POST',
      authority: 'shop.example:80',
      path: '/a?b=1',
      headers: [
        ['x-user', 'alice'],
        ['cookie', 'a=b; c=[d]'],
      ],
      body: 'up',
      expected: {
        status: 200,
        flags: 'URX,UF',
        recorder: 'one',
        arrivals: 2,
        path: '/c',
        host: 'other',
        body: 'down',
        upstream: [
          ['x-a', '1'],
          ['x-b', null],
        ],
        downstream: [
          ['server', 'x'],
          ['via', null],
        ],
      },
    });
  });

  it('is for the shop where no host is named, and expects no more than it says', () => {
    const { authority, path, body, headers, expected } = parseRequestLine('GET /a -> 404 -');
    assert.deepEqual([authority, path, body, headers], ['shop', '/a', null, []]);
    const { status, flags, recorder, arrivals } = expected;
    assert.deepEqual([status, flags, recorder, arrivals], [404, '-', null, null]);
  });

  it('is refused without an expectation, or with a word that means nothing', () => {
    assert.throws(() => parseRequestLine('GET /a'), /no " -> "/);
    assert.throws(() => parseRequestLine('GET /a -> one'), /no status/);
    assert.throws(() => parseRequestLine('GET /a what -> 200'), /what is what/);
    assert.throws(() => parseRequestLine('GET /a [x] -> 200'), /no colon in \[x\]/);
  });
});
