import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { nameInFieldOne } from './resource-type.ts';

describe('nameInFieldOne', () => {
  const type = () => messageType<Cluster>('envoy.config.cluster.v3.Cluster');

  for (const name of ['a', 'outbound|80||größer.example', 'x'.repeat(200), 'x'.repeat(20_000)]) {
    it(`reads a name of ${name.length} characters`, () => {
      assert.equal(nameInFieldOne(toBinary(type(), create(type(), { name, altStatName: 'b' }))), name);
    });
  }

  it('gives null for what has no name first', () => {
    const nameless = toBinary(type(), create(type(), { altStatName: 'b' }));
    const cut = toBinary(type(), create(type(), { name: 'abc' })).subarray(0, 4);
    const malformed = new Uint8Array([0x0a, 1, 0xff]);
    const endless = new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0xff, 0xff]);
    for (const bytes of [new Uint8Array(), new Uint8Array([0x0a]), nameless, cut, malformed, endless]) {
      assert.equal(nameInFieldOne(bytes), null);
    }
  });
});
