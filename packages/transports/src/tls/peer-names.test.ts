import assert from 'node:assert/strict';
import { peerNames } from './peer-names.ts';

describe('peerNames', () => {
  it('reads what Node writes', () => {
    assert.deepEqual(peerNames('DNS:a.example, URI:spiffe://td/ns/a/sa/b, IP Address:127.0.0.1, email:a@b.c'), [
      { type: 'dns', value: 'a.example' },
      { type: 'uri', value: 'spiffe://td/ns/a/sa/b' },
      { type: 'ip_address', value: '127.0.0.1' },
      { type: 'email', value: 'a@b.c' },
    ]);
    assert.deepEqual(peerNames('othername:<unsupported>'), [{ type: null, value: '<unsupported>' }]);
    assert.deepEqual(peerNames(undefined), []);
    assert.deepEqual(peerNames(''), []);
  });

  it('is not led astray by a name that holds another', () => {
    assert.deepEqual(peerNames('URI:"http://evil/, DNS:good.example", DNS:evil.example'), [
      { type: 'uri', value: 'http://evil/, DNS:good.example' },
      { type: 'dns', value: 'evil.example' },
    ]);
    assert.deepEqual(peerNames('DNS:"a\\"b, DNS:c"'), [{ type: 'dns', value: 'a"b, DNS:c' }]);
  });

  it('takes what it cannot read for nothing', () => {
    assert.deepEqual(peerNames('DNS:a, nonsense'), []);
    assert.deepEqual(peerNames('DNS:"a" b, DNS:c'), []);
  });
});
