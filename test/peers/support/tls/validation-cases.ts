import { createHash, X509Certificate } from 'node:crypto';
import { derBlocks } from '@inmesh/mtls/ca';
import { type PresentedCertificates, type PresentedName, WANTED } from './presented.ts';

type Json = Record<string, unknown>;

/** What is the counter that Envoy and inmesh count a refusal by, under `cluster.<name>.ssl.`. */
export type Counter = 'fail_verify_error' | 'fail_verify_san' | 'fail_verify_cert_hash' | 'connection_error';

export interface ValidationCase {
  readonly title: string;
  readonly server: PresentedName | 'plain';
  /** Null for none. */
  readonly validation: Json | null;
  /** More of the UpstreamTlsContext. */
  readonly more?: Json;
  /** Null: it is spoken to. */
  readonly refused: Counter | null;
  /** Where inmesh decides otherwise than Envoy, on purpose. */
  readonly inmesh?: Counter;
}

/** Every way in which a server can be somebody else, and rules by which it is nobody else, for one wanted name. */
export function validationCases(certificates: PresentedCertificates): ValidationCase[] {
  const { root, middle, stranger } = certificates;
  const pem = (text: string): Json => ({ inline_string: text });
  const trusted = { trusted_ca: pem(root.root) };
  const uri = (matcher: Json): Json => ({ match_typed_subject_alt_names: [{ san_type: 'URI', matcher }] });
  const typed = (san_type: string, exact: string, more: Json = {}): Json => ({
    match_typed_subject_alt_names: [{ san_type, matcher: { exact }, ...more }],
  });
  const named = { ...trusted, ...uri({ exact: WANTED }) };
  const good = derBlocks(certificates.get('good').chain, 'CERTIFICATE')[0]!;
  const hash = createHash('sha256').update(good).digest('hex');
  const key = new X509Certificate(good).publicKey.export({ type: 'spki', format: 'der' });
  const spki = createHash('sha256').update(key).digest('base64');
  const other = 'a'.repeat(64);
  const ok = (title: string, server: PresentedName, validation: Json | null, more?: Json): ValidationCase => ({
    title,
    server,
    validation,
    refused: null,
    ...(more !== undefined && { more }),
  });
  const no = (
    server: ValidationCase['server'],
    refused: Counter,
    validation: Json = named,
    title = '',
  ): ValidationCase => ({
    title: `${server}${title === '' ? '' : `, ${title}`}`,
    server,
    validation,
    refused,
  });
  const lists = (...texts: string[]): Json => ({ ...named, crl: pem(texts.join('')) });
  const now = Date.now();
  const outdated = { thisUpdate: now - 7_200_000, nextUpdate: now - 3_600_000 };
  return [
    ok('the wanted name', 'good', named),
    ok('a prefix', 'good', { ...trusted, ...uri({ prefix: 'spiffe://td.example/' }) }),
    ok('a suffix', 'good', { ...trusted, ...uri({ suffix: '/sa/b' }) }),
    ok('a part', 'good', { ...trusted, ...uri({ contains: '/ns/a/' }) }),
    ok('a pattern', 'good', { ...trusted, ...uri({ safe_regex: { regex: 'spiffe://td\\.example/ns/[a-z]/.*' } }) }),
    no('good', 'fail_verify_san', { ...trusted, ...uri({ safe_regex: { regex: 'ns/a' } }) }, 'a pattern of a part'),
    no('good', 'fail_verify_san', { ...trusted, ...uri({ exact: WANTED.toUpperCase() }) }, 'another case'),
    ok('any case', 'good', { ...trusted, ...uri({ exact: WANTED.toUpperCase(), ignore_case: true }) }),
    ok('the older field', 'good', { ...trusted, match_subject_alt_names: [{ exact: 'nobody' }, { exact: WANTED }] }),
    no(
      'good',
      'fail_verify_san',
      { ...trusted, match_subject_alt_names: [{ exact: 'other' }] },
      'another kind by the older field',
    ),
    ok('DNS', 'good', { ...trusted, ...typed('DNS', 'B.example') }),
    ok('DNS by wildcard', 'good', { ...trusted, ...typed('DNS', 'x.c.example') }),
    no('good', 'fail_verify_san', { ...trusted, ...typed('DNS', 'x.y.c.example') }, 'DNS of two labels'),
    ok('an address', 'good', { ...trusted, ...typed('IP_ADDRESS', '10.0.0.1') }),
    ok('an email address', 'good', { ...trusted, ...typed('EMAIL', 'a@b.example') }),
    ok('another kind', 'good', { ...trusted, ...typed('OTHER_NAME', 'other', { oid: '1.2.3.4' }) }),
    no(
      'good',
      'fail_verify_san',
      { ...trusted, ...typed('OTHER_NAME', 'other', { oid: '1.2.3.5' }) },
      'another kind of another type',
    ),
    no('good', 'fail_verify_san', { ...trusted, ...typed('DNS', WANTED) }, 'its name as another kind'),
    ok('the server name', 'good', trusted, { sni: 'b.example', auto_sni_san_validation: true }),
    {
      ...no('another name', 'fail_verify_san', trusted),
      more: { sni: 'x.example', auto_sni_san_validation: true },
      title: 'another server name',
    },
    no('another name', 'fail_verify_san'),
    no('another trust domain', 'fail_verify_san'),
    no('no name', 'fail_verify_san'),
    ok('an authority below the root', 'below', named),
    no('without its issuer', 'fail_verify_error'),
    ok('without its issuer, which is trusted', 'without its issuer', { ...named, trusted_ca: pem(middle.certificate) }),
    ok('a leaf that is trusted itself', 'signed by itself', {
      ...named,
      trusted_ca: pem(certificates.get('signed by itself').chain),
    }),
    no('below too long a path', 'fail_verify_error'),
    no('expired', 'fail_verify_error'),
    ok('expired, where that is allowed', 'expired', { ...named, allow_expired_certificate: true }),
    no('expired, of a stranger', 'fail_verify_error', { ...named, allow_expired_certificate: true }),
    no('not yet valid', 'fail_verify_error'),
    ok('not yet valid, where validity plays no part', 'not yet valid', { ...named, allow_expired_certificate: true }),
    no('signed by itself', 'fail_verify_error'),
    no('of a stranger', 'fail_verify_error'),
    no('of a stranger with its root', 'fail_verify_error'),
    no('for clients', 'fail_verify_error'),
    no('revoked', 'fail_verify_error', lists(root.revocationList([certificates.get('revoked').chain]))),
    ok('a list without it', 'good', lists(root.revocationList([certificates.get('revoked').chain]))),
    no('good', 'fail_verify_error', lists(root.revocationList([], outdated)), 'a list that is out of date'),
    no('good', 'fail_verify_error', lists(stranger.revocationList([])), 'a list of a stranger'),
    no('below', 'fail_verify_error', lists(root.revocationList([])), 'no list of its issuer'),
    no('below', 'fail_verify_error', lists(middle.revocationList([])), 'no list of the root'),
    ok('no list of the root, where leaves count', 'below', {
      ...lists(middle.revocationList([])),
      only_verify_leaf_cert_crl: true,
    }),
    ok('a list of each', 'below', lists(middle.revocationList([]), root.revocationList([]))),
    no(
      'below',
      'fail_verify_error',
      lists(middle.revocationList([]), root.revocationList([middle.certificate])),
      'a revoked issuer',
    ),
    ok('a hash', 'good', { verify_certificate_hash: [hash] }),
    ok('a hash of either kind', 'good', {
      ...trusted,
      verify_certificate_hash: [other],
      verify_certificate_spki: [spki],
    }),
    no('good', 'fail_verify_cert_hash', { ...named, verify_certificate_hash: [other] }, 'another hash'),
    no('of a stranger', 'fail_verify_cert_hash', { verify_certificate_spki: [spki] }, 'another key'),
    ok('anybody, without rules', 'signed by itself', null),
    ok('anybody, by empty rules', 'signed by itself', {}),
    ok('anybody, where untrusted ones are accepted', 'of a stranger', {
      ...named,
      trust_chain_verification: 'ACCEPT_UNTRUSTED',
    }),
    ok('any name, where untrusted ones are accepted', 'another name', {
      ...named,
      trust_chain_verification: 'ACCEPT_UNTRUSTED',
    }),
    ok('a depth that is enough', 'below', { ...named, max_verify_depth: 2 }),
    // Envoy bounds the depth of clients' chains alone, whatever its documentation says.
    { ...ok('a depth that is not', 'below', { ...named, max_verify_depth: 1 }), inmesh: 'fail_verify_error' },
    // OpenSSL takes no RSA key of fewer than 2048 bits.
    { ...ok('a weak key', 'a weak key', named), inmesh: 'fail_verify_error' },
    no('plain', 'connection_error'),
    ...spiffeCases(certificates, { ok, no, pem, uri }),
  ];
}

interface Words {
  readonly ok: (title: string, server: PresentedName, validation: Json | null) => ValidationCase;
  readonly no: (server: PresentedName, refused: Counter, validation: Json, title: string) => ValidationCase;
  readonly pem: (text: string) => Json;
  readonly uri: (matcher: Json) => Json;
}

function spiffeCases(certificates: PresentedCertificates, { ok, no, pem, uri }: Words): ValidationCase[] {
  const { root, stranger } = certificates;
  const spiffe = (domains: Readonly<Record<string, string>>, more: Json = {}): Json => ({
    custom_validator_config: {
      name: 'envoy.tls.cert_validator.spiffe',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig',
        trust_domains: Object.entries(domains).map(([name, bundle]) => ({ name, trust_bundle: pem(bundle) })),
      },
    },
    ...more,
  });
  const domains = { 'td.example': root.root, 'other.example': stranger.root };
  const both = spiffe(domains);
  return [
    ok('SPIFFE: its own trust domain', 'good', both),
    ok('SPIFFE: the wanted name', 'good', spiffe(domains, uri({ exact: WANTED }))),
    no('another name', 'fail_verify_san', spiffe(domains, uri({ exact: WANTED })), 'SPIFFE'),
    ok('SPIFFE: below', 'below', both),
    no('of a stranger', 'fail_verify_error', both, 'SPIFFE'),
    no('another trust domain', 'fail_verify_error', both, 'SPIFFE'),
    no('DNS alone', 'fail_verify_error', both, 'SPIFFE'),
    no('no name', 'fail_verify_error', both, 'SPIFFE'),
    no('expired', 'fail_verify_error', both, 'SPIFFE'),
    ok('SPIFFE: expired, where that is allowed', 'expired', spiffe(domains, { allow_expired_certificate: true })),
    no(
      'revoked',
      'fail_verify_error',
      spiffe({ 'td.example': root.root + root.revocationList([certificates.get('revoked').chain]) }),
      'SPIFFE',
    ),
    no('a trust domain', 'fail_verify_error', both, 'SPIFFE'),
    // An SVID has one URI (X.509-SVID, section 2); Envoy looks at the first.
    { ...ok('SPIFFE: two URIs', 'two URIs', both), inmesh: 'fail_verify_error' },
    no('two URIs, the wanted one last', 'fail_verify_error', both, 'SPIFFE'),
    // Envoy's SPIFFE validator does not look at the usage.
    { ...ok('SPIFFE: for clients', 'for clients', both), inmesh: 'fail_verify_error' },
  ];
}
