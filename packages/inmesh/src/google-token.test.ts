import assert from 'node:assert/strict';
import { createVerify, generateKeyPairSync } from 'node:crypto';
import { googleToken } from './google-token.ts';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const account = {
  type: 'service_account',
  client_email: 'web@project.iam.gserviceaccount.com',
  private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
  private_key_id: 'k1',
};

describe('googleToken', () => {
  it('is signed by the account, for the server, for an hour', () => {
    const token = googleToken(JSON.stringify(account), 'trafficdirector.googleapis.com', 1_800_000_000_500);
    const [header = '', claims = '', signature = ''] = token.split('.');
    const read = (part: string): unknown => JSON.parse(Buffer.from(part, 'base64url').toString());
    assert.deepEqual(read(header), { alg: 'RS256', typ: 'JWT', kid: 'k1' });
    assert.deepEqual(read(claims), {
      iss: account.client_email,
      sub: account.client_email,
      aud: 'https://trafficdirector.googleapis.com/',
      iat: 1_800_000_000,
      exp: 1_800_003_600,
    });
    assert.ok(createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url'));
  });

  it('says which credentials it cannot use', () => {
    assert.throws(
      () => googleToken('{"type":"authorized_user"}', 'h', 0),
      /credentials of type authorized_user; only the key of a service account/,
    );
    assert.throws(() => googleToken('{', 'h', 0), SyntaxError);
  });
});
