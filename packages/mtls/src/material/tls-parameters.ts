import { constants } from 'node:crypto';
import { createSecureContext, getCiphers, type SecureContextOptions, type SecureVersion } from 'node:tls';
import type { TlsVersion } from '@inmesh/core';
import { materialError } from './config-error.ts';
import type { TlsParameters } from './read-parts.ts';
import type { MakeSecureContext } from './secure-contexts.ts';

/** Envoy's for clients: TLS 1.3 is spoken where the feed asks for it. */
const DEFAULT_VERSION: TlsVersion = 'TLSv1.2';

/** Envoy's for clients, `[a|b]` written as `a:b`: OpenSSL has no equal preference, which is for servers to heed. */
const DEFAULT_CIPHERS =
  'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384';

/** BoringSSL has these in TLS 1.3, whatever is configured; Node would switch TLS 1.3 off with a list that names none. */
const TLS13_CIPHERS = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256';

/** Envoy's. */
const DEFAULT_CURVES = ['X25519', 'P-256'];

/** Hybrid groups with post-quantum keys, which need OpenSSL 3.5: older runtimes go on without them where there are others. */
const YOUNG_CURVES: ReadonlySet<string> = new Set(['X25519MLKEM768', 'SecP256r1MLKEM768', 'SecP384r1MLKEM1024']);

/** Versions, ciphers, curves and signature algorithms as node:tls wants them. Throws where the runtime does not have them. */
export function secureOptions(
  parameters: TlsParameters,
  place: string,
  make: MakeSecureContext = createSecureContext,
): SecureContextOptions {
  const minVersion = parameters.minVersion ?? DEFAULT_VERSION;
  const maxVersion = parameters.maxVersion ?? (minVersion > DEFAULT_VERSION ? minVersion : DEFAULT_VERSION);
  if (minVersion > maxVersion)
    throw materialError(place, `tls_minimum_protocol_version ${minVersion} is above the maximum ${maxVersion}`);
  const { signatureAlgorithms } = parameters;
  const options: SecureContextOptions = {
    minVersion: nodeVersion(minVersion),
    maxVersion: nodeVersion(maxVersion),
    ciphers: ciphersOf(parameters.cipherSuites, minVersion, place),
    ecdhCurve: curvesOf(parameters.ecdhCurves, place, make),
    ...(signatureAlgorithms.length > 0 && { sigalgs: signatureAlgorithms.join(':') }),
    // Node lets servers ask for another handshake on a connection, in which another peer could be presented.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
  };
  probe(make, { ciphers: options.ciphers! }, place, `cipher_suites ${parameters.cipherSuites.join(':')}`);
  if (options.sigalgs !== undefined)
    probe(make, { sigalgs: options.sigalgs }, place, `signature_algorithms ${options.sigalgs}`);
  return options;
}

function nodeVersion(version: TlsVersion): SecureVersion {
  return version === 'TLSv1.0' ? 'TLSv1' : version;
}

function ciphersOf(suites: readonly string[], minVersion: TlsVersion, place: string): string {
  const chosen = suites.length === 0 ? DEFAULT_CIPHERS : translated(suites, place);
  // OpenSSL speaks the versions before 1.2 at its lowest level of security only.
  return `${TLS13_CIPHERS}:${chosen}${minVersion < 'TLSv1.2' ? ':@SECLEVEL=0' : ''}`;
}

function translated(suites: readonly string[], place: string): string {
  const known = new Set(getCiphers().map((name) => name.toUpperCase()));
  const names = suites
    .flatMap((suite) => suite.split(':'))
    .flatMap((suite) => (suite.startsWith('[') ? suite.replace(/^\[|\]$/g, '').split('|') : [suite]))
    .filter((name) => name !== '')
    .map(openSslName);
  const refused = names.filter((name) => !known.has(name) && !isKeyword(name));
  if (refused.length === 0) return names.join(':');
  throw materialError(place, `cipher_suites: this runtime has no ${refused.join(', ')}`);
}

/** Names of RFCs, which BoringSSL takes too: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256` is `ECDHE-RSA-AES128-GCM-SHA256`. */
function openSslName(name: string): string {
  const parts = /^TLS_(\w+?)_WITH_(\w+)$/.exec(name);
  if (parts === null) return name;
  const [, exchange = '', cipher = ''] = parts;
  const short = cipher
    .replace(/^AES_(\d+)_/, 'AES$1-')
    .replace(/^(AES\d+)-CBC_/, '$1-')
    .replace(/^CHACHA20_POLY1305_SHA256$/, 'CHACHA20-POLY1305');
  return `${exchange === 'RSA' ? '' : `${exchange}-`}${short}`.replaceAll('_', '-');
}

/** Words for groups of ciphers, and operators before them. */
function isKeyword(name: string): boolean {
  return (
    /^(@STRENGTH|[-+!]?(ALL|HIGH|DEFAULT|[ak]?(RSA|ECDSA|ECDHE?|PSK)|(EC)?DHE|AES(128|256|GCM)?|AESGCM|CHACHA20|3DES|SHA(1|256|384)?|SSLv3|TLSv1(\.2)?|FIPS))(\+\w+)*$/.test(
      name,
    ) || /^[-+!][A-Z0-9-]+$/.test(name)
  );
}

function curvesOf(curves: readonly string[], place: string, make: MakeSecureContext): string {
  const asked = curves.length === 0 ? DEFAULT_CURVES : curves.flatMap((curve) => curve.split(':'));
  const had = asked.filter((curve) => !YOUNG_CURVES.has(curve) || hasCurve(curve, make));
  const unknown = had.filter((curve) => !YOUNG_CURVES.has(curve) && !hasCurve(curve, make));
  if (had.length > 0 && unknown.length === 0) return had.join(':');
  throw materialError(place, `ecdh_curves: this runtime has no ${(unknown.length > 0 ? unknown : asked).join(', ')}`);
}

function hasCurve(ecdhCurve: string, make: MakeSecureContext): boolean {
  try {
    make({ ca: [], ecdhCurve });
    return true;
  } catch {
    return false;
  }
}

function probe(make: MakeSecureContext, options: SecureContextOptions, place: string, what: string): void {
  try {
    make({ ca: [], ...options });
  } catch (cause) {
    throw materialError(place, `${what}: this runtime does not take it`, cause);
  }
}
