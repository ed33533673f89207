import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { isMeshError } from '@inmesh/core';
import { newDecoding } from './new-decoding.ts';
import { readSecretsFile } from './secrets-file.ts';

const decoding = newDecoding();
const type = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

function errorOf(text: string): Error {
  try {
    readSecretsFile(decoding, text, '/etc/sds.yaml');
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'invalid_config', `${error}`);
    return error;
  }
  return assert.fail('it was taken');
}

describe('a file of secrets', () => {
  it('is a DiscoveryResponse in YAML or JSON', () => {
    const yaml = `
resources:
- "@type": ${type}
  name: default
  tls_certificate: { certificate_chain: { filename: /c.pem }, private_key: { filename: /k.pem } }
- "@type": ${type}
  name: ROOTCA
  validation_context: { trusted_ca: { inline_string: roots } }
`;
    assert.deepEqual(
      readSecretsFile(decoding, yaml, 'f').map(({ name, kind }) => [name, kind]),
      [
        ['default', 'tls_certificate'],
        ['ROOTCA', 'validation_context'],
      ],
    );
    const json = JSON.stringify({ resources: [{ '@type': type, name: 'x', generic_secret: {} }] });
    assert.equal(readSecretsFile(decoding, json, 'f')[0]?.name, 'x');
    assert.deepEqual(readSecretsFile(decoding, '{}', 'f'), []);
  });

  const key = 'hush-hush';
  for (const [what, text] of [
    ['no YAML', `{ private_key: ${key}`],
    ['another message', `private_key: ${key}`],
    ['a value of the wrong kind', `resources: [{ "@type": ${type}, name: [${key}] }]`],
    [
      'a secret that is no use',
      `resources: [{ "@type": ${type}, name: a, tls_certificate: { pkcs12: { inline_string: ${key} }, private_key: { inline_string: ${key} } } }]`,
    ],
    ['a secret of a type that the API has not', `resources: [{ "@type": ${type}, name: a, ${key}: 1 }]`],
  ] as const) {
    it(`tells the place of ${what}, and quotes nothing`, () => {
      const error = errorOf(text);
      assert.match(error.message, /\/etc\/sds\.yaml holds no .*DiscoveryResponse/);
      assert.ok(!inspect(error, { depth: null, showHidden: true }).includes(key), inspect(error));
    });
  }
});
