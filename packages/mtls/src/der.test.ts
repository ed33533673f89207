import assert from 'node:assert/strict';
import { splitDer } from './der.ts';

describe('splitDer', () => {
  const value = (length: number): Buffer => {
    const header = length < 0x80 ? [0x30, length] : [0x30, 0x82, length >> 8, length & 0xff];
    return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 0x05)]);
  };

  it('takes values apart that stand one after the other', () => {
    const all = [value(3), value(300), value(0), value(127)];
    assert.deepEqual(
      splitDer(Buffer.concat(all)).map((each) => Buffer.from(each)),
      all,
    );
    assert.deepEqual(splitDer(new Uint8Array()), []);
  });

  for (const [what, bytes] of [
    ['a header that is cut', [0x30]],
    ['a length that is cut', [0x30, 0x82, 0x01]],
    ['content that is cut', [0x30, 0x03, 0x01]],
    ['an indefinite length', [0x30, 0x80, 0x00, 0x00]],
    ['a length of five bytes', [0x30, 0x85, 0, 0, 0, 0, 1, 0]],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => splitDer(Uint8Array.from(bytes)), /it is no DER/));
  }
});
