import assert from 'node:assert/strict';
import { CertificateAuthority, derBlocks } from './ca/index.ts';
import { parseTrustBundleMap } from './trust-bundle-map.ts';

describe('parseTrustBundleMap', () => {
  let x5c: string;
  let root: string;

  before(async () => {
    ({ root } = await CertificateAuthority.create());
    x5c = derBlocks(root, 'CERTIFICATE')[0]!.toString('base64');
  });

  const parse = (map: unknown) => parseTrustBundleMap(JSON.stringify(map), '/map.json');

  it('reads the roots of each trust domain and leaves keys for another use out', () => {
    const key = { kty: 'EC', use: 'x509-svid', x5c: [x5c] };
    const map = parse({
      trust_domains: {
        'one.example': { spiffe_sequence: 7, spiffe_refresh_hint: 5, keys: [key, { kty: 'EC', use: 'jwt-svid' }] },
        'two.example': { keys: [{ kty: 'EC' }] },
      },
    });
    assert.deepEqual(
      [...map],
      [
        ['one.example', root],
        ['two.example', ''],
      ],
    );
  });

  it('takes a map without trust domains for one that trusts nobody', () => {
    assert.equal(parse({ trust_domains: {} }).size, 0);
  });

  for (const [what, map, text] of [
    ['no JSON', '{', /\/map\.json is no JSON/],
    ['no trust domains', {}, /trust_domains in \/map\.json is no object/],
    [
      'a name that is none',
      { trust_domains: { 'A b': { keys: [] } } },
      /"A b" in \/map\.json is no name of a trust domain/,
    ],
    ['no keys', { trust_domains: { a: {} } }, /trust domain a in \/map\.json has no list of keys/],
    ['a key that is none', { trust_domains: { a: { keys: [5] } } }, /a key of trust domain a .* is no object/],
    ['another type', { trust_domains: { a: { keys: [{ use: 'x509-svid', kty: 'oct' }] } } }, /is of type "oct"/],
    ['no certificate', { trust_domains: { a: { keys: [{ use: 'x509-svid', kty: 'EC' }] } } }, /one certificate in x5c/],
    [
      'a certificate that is none',
      { trust_domains: { a: { keys: [{ use: 'x509-svid', kty: 'EC', x5c: ['AAAA'] }] } } },
      /a certificate of trust domain a in \/map\.json cannot be read/,
    ],
  ] as const) {
    it(`refuses all of it for ${what}`, () => {
      assert.throws(() => parseTrustBundleMap(typeof map === 'string' ? map : JSON.stringify(map), '/map.json'), text);
    });
  }
});
