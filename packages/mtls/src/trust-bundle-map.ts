import { X509Certificate } from 'node:crypto';
import { parseSpiffeId } from './spiffe-id.ts';

/**
 * PEM of the roots of each trust domain. Throws for what is no such map: one bad entry spoils all, as gRFC A87 has it. Keys for another use, such as those of
 * JWTs, are left out. (SPIFFE Trust Domain and Bundle, section 4; gRFC A87)
 */
export function parseTrustBundleMap(json: string, place: string): ReadonlyMap<string, string> {
  const domains = asObject(asObject(parsed(json, place), place).trust_domains, `trust_domains in ${place}`);
  return new Map(
    Object.entries(domains).map(([domain, bundle]) => {
      if (parseSpiffeId(`spiffe://${domain}`) === null) {
        throw new Error(`${JSON.stringify(domain)} in ${place} is no name of a trust domain`);
      }
      return [domain, rootsOf(bundle, `trust domain ${domain} in ${place}`)];
    }),
  );
}

function rootsOf(bundle: unknown, place: string): string {
  const { keys } = asObject(bundle, place);
  if (!Array.isArray(keys)) throw new Error(`${place} has no list of keys`);
  return keys
    .map((key) => asObject(key, `a key of ${place}`))
    .filter((key) => key.use === 'x509-svid')
    .map((key) => rootOf(key, place))
    .join('');
}

function rootOf({ kty, x5c }: Readonly<Record<string, unknown>>, place: string): string {
  if (kty !== 'RSA' && kty !== 'EC')
    throw new Error(`a key of ${place} is of type ${JSON.stringify(kty)}: use RSA or EC`);
  if (!Array.isArray(x5c) || x5c.length !== 1 || typeof x5c[0] !== 'string') {
    throw new Error(`a key of ${place} must hold one certificate in x5c`);
  }
  try {
    return new X509Certificate(Buffer.from(x5c[0], 'base64')).toString();
  } catch (cause) {
    throw new Error(`a certificate of ${place} cannot be read`, { cause });
  }
}

function parsed(json: string, place: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new Error(`${place} is no JSON`, { cause });
  }
}

function asObject(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error(`${place} is no object`);
}
