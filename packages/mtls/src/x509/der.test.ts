import assert from 'node:assert/strict';
import { DerError, DerNode, TAG } from './der.ts';

const node = (hex: string): DerNode => DerNode.parse(Buffer.from(hex.replaceAll(' ', ''), 'hex'));
const time = (tag: number, text: string): number =>
  DerNode.parse(Buffer.concat([Buffer.from([tag, text.length]), Buffer.from(text)])).time();

describe('DerNode', () => {
  it('reads elements, and those within', () => {
    const sequence = node('30 06 02 01 05 01 01 ff');
    const [integer, boolean] = sequence.expect(TAG.sequence).children();
    assert.equal(integer?.count(), 5);
    assert.equal(boolean?.boolean(), true);
    assert.equal(node('04 03 02 01 07').inner().count(), 7);
    assert.equal(node('a0 03 02 01 02').inner().count(), 2);
  });

  it('reads lengths of several bytes', () => {
    const long = DerNode.parse(Buffer.concat([Buffer.from('04820100', 'hex'), Buffer.alloc(256)]));
    assert.equal(long.content.length, 256);
  });

  for (const [what, hex] of [
    ['nothing', ''],
    ['a tag alone', '30'],
    ['less than its length', '30 02 01'],
    ['an indefinite length', '30 80 00 00'],
    ['a length that is longer than it need be', '04 81 01 00'],
    ['a length with a leading zero', `04 82 00 80 ${'00'.repeat(128)}`],
    ['a length of five bytes', '04 85 00 00 00 00 01 00'],
    ['a tag of two bytes', '1f 81 01 00'],
    ['more than one element', '02 01 00 02 01 00'],
  ] as const) {
    it(`refuses ${what}`, () => assert.throws(() => node(hex), DerError));
  }

  it('refuses what is nested without end', () => {
    let bytes = Buffer.from('0500', 'hex');
    for (let depth = 0; depth < 60; depth++) bytes = Buffer.concat([Buffer.from([0x30, bytes.length]), bytes]);
    const descend = (each: DerNode): void => {
      for (const child of each.children()) if (child.tag === TAG.sequence) descend(child);
    };
    assert.throws(() => descend(DerNode.parse(bytes)), /nested too deeply/);
  });

  it('reads object identifiers', () => {
    assert.equal(node('06 03 55 1d 11').oid(), '2.5.29.17');
    assert.equal(node('06 09 2a 86 48 86 f7 0d 01 01 0b').oid(), '1.2.840.113549.1.1.11');
    assert.equal(node('06 02 88 37').oid(), '2.999');
    for (const bad of ['06 00', '06 02 55 80', '06 03 55 80 01']) assert.throws(() => node(bad).oid(), DerError);
  });

  it('reads integers', () => {
    assert.equal(node('02 02 00 ff').hex(), 'ff');
    assert.equal(node('02 01 00').hex(), '0');
    assert.throws(() => node('02 00').hex(), DerError);
    for (const bad of ['02 01 ff', '02 05 01 00 00 00 00', '02 00']) assert.throws(() => node(bad).count(), DerError);
  });

  it('reads flags: the first bit is bit 0', () => {
    assert.equal(node('03 02 05 a0').flags(), 0b101);
    assert.equal(node('03 02 01 06').flags(), (1 << 5) | (1 << 6));
    assert.equal(node('03 01 00').flags(), 0);
    assert.throws(() => node('03 02 08 00').flags(), DerError);
  });

  it('reads times, and refuses those that no calendar has', () => {
    assert.equal(time(TAG.utcTime, '260102030405Z'), Date.UTC(2026, 0, 2, 3, 4, 5));
    assert.equal(time(TAG.utcTime, '500102030405Z'), Date.UTC(1950, 0, 2, 3, 4, 5));
    assert.equal(time(TAG.generalizedTime, '20600102030405Z'), Date.UTC(2060, 0, 2, 3, 4, 5));
    assert.equal(time(TAG.generalizedTime, '99991231235959Z'), Date.UTC(9999, 11, 31, 23, 59, 59));
    for (const bad of ['260230000000Z', '261301000000Z', '260101240000Z', '2601010000Z', '260101000000+0100'])
      assert.throws(() => time(TAG.utcTime, bad), DerError);
    assert.throws(() => time(TAG.generalizedTime, '260102030405Z'), DerError);
  });

  it('refuses booleans that are neither', () => {
    for (const bad of ['01 01 01', '01 00', '01 02 ff ff']) assert.throws(() => node(bad).boolean(), DerError);
  });
});
