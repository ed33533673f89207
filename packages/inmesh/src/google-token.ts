import { createPrivateKey, createSign } from 'node:crypto';

/** How long a token of ours is good: the longest that Google takes. */
const LIFETIME_S = 3600;

/**
 * A token that a service account signs for itself, for one server: what Google's libraries do with the key of an account, and the one
 * kind of application default credentials that needs nobody to be asked first. Throws where the file holds no such key.
 *
 * `nowMs`: wall clock. `host`: the server's, without a port.
 */
export function googleToken(credentialsJson: string, host: string, nowMs: number): string {
  const {
    type,
    client_email: account,
    private_key: key,
    private_key_id: keyId,
  } = JSON.parse(credentialsJson) as Readonly<Record<string, unknown>>;
  if (type !== 'service_account' || typeof account !== 'string' || typeof key !== 'string') {
    throw new Error(`it holds credentials of type ${String(type)}; only the key of a service account is supported`);
  }
  const issued = Math.floor(nowMs / 1000);
  const header = { alg: 'RS256', typ: 'JWT', ...(typeof keyId === 'string' && { kid: keyId }) };
  const claims = { iss: account, sub: account, aud: `https://${host}/`, iat: issued, exp: issued + LIFETIME_S };
  const signed = `${base64url(header)}.${base64url(claims)}`;
  const signature = createSign('RSA-SHA256').update(signed).sign(createPrivateKey(key), 'base64url');
  return `${signed}.${signature}`;
}

function base64url(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
