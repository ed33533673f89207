import type {
  CertificateRef,
  CertificateValidationContext,
  Clock,
  CommonTlsContext,
  Secret,
  TlsCertificate,
} from '@inmesh/core';
import type { Identity, IdentityProvider } from '../identity.ts';
import type { NamedCertificate, NamedValidation } from '../material-parts.ts';
import {
  type Followed,
  ProviderFollower,
  SecretFollower,
  type Source,
  type SourceEvents,
  type WatchSecret,
} from './follow-secret.ts';
import { certificateName } from './gauge-names.ts';
import { mergeValidation } from './merge-validation.ts';

export interface ContextSourcesParts {
  readonly watchSecret: WatchSecret;
  readonly providers: ReadonlyMap<string, IdentityProvider>;
  readonly clock: Clock;
}

/** All that a context takes from elsewhere, once it is there. */
export interface ContextValues {
  readonly certificates: readonly NamedCertificate[];
  readonly validation: NamedValidation | null;
}

const NOBODY: Followed<null> = { state: 'known', value: null };
const NO_RULES: CertificateValidationContext = {
  trustedCa: null,
  caCertificateProvider: null,
  systemRootCerts: false,
  watchedDirectory: null,
  verifyCertificateSpki: [],
  verifyCertificateHash: [],
  subjectAltNames: [],
  requireSignedCertificateTimestamp: false,
  crl: null,
  onlyVerifyLeafCertCrl: false,
  allowExpiredCertificate: false,
  acceptUntrusted: false,
  maxVerifyDepth: null,
  customValidator: null,
  suppressClientCaList: false,
};

/** The certificates and the validation context of one TLS context, from wherever each comes, merged as Envoy does. */
export class ContextSources {
  readonly #common: CommonTlsContext;
  readonly #parts: ContextSourcesParts;
  readonly #events: SourceEvents;
  readonly #certificates: readonly (() => Followed<NamedCertificate>)[];
  readonly #secret: Source<CertificateValidationContext> | null;
  readonly #sources: Source<unknown>[] = [];
  readonly #providers = new Map<string, Source<Identity>>();
  readonly #rules = remembered((secret: CertificateValidationContext): NamedValidation => {
    const ref = this.#common.validation;
    const source = ref?.secret ? `secret "${ref.secret.name}"` : 'the validation context';
    return { source, context: mergeValidation(ref?.context ?? NO_RULES, secret), byTrustDomain: null };
  });
  readonly #withRoots = remembered(withRoots);

  constructor(common: CommonTlsContext, parts: ContextSourcesParts, events: SourceEvents) {
    this.#common = common;
    this.#parts = parts;
    this.#events = events;
    this.#certificates = common.certificates.map((ref) => this.#followCertificate(ref));
    const secret = common.validation?.secret ?? null;
    this.#secret = secret === null ? null : this.#keep(this.#secretFollower(secret, validationIn));
  }

  /** Waiting while one of them is; else missing where one of them is, whose reason names it. */
  now(): Followed<ContextValues> {
    const validation = this.#validation();
    const certificates: NamedCertificate[] = [];
    for (const followed of [validation, ...this.#certificates.map((each) => each())]) {
      if (followed.state === 'waiting') return followed;
    }
    for (const each of this.#certificates) {
      const followed = each();
      if (followed.state !== 'known') return followed;
      certificates.push(followed.value);
    }
    if (validation.state !== 'known') return validation;
    return { state: 'known', value: { certificates, validation: validation.value } };
  }

  release(): void {
    for (const source of this.#sources) source.release();
  }

  #followCertificate(ref: CertificateRef): () => Followed<NamedCertificate> {
    switch (ref.kind) {
      case 'inline': {
        const { certificate } = ref;
        const named = { source: 'the inline certificate', name: certificateName(certificate), certificate };
        return () => ({ state: 'known', value: named });
      }
      case 'sds': {
        const { name } = ref.secret;
        const follower = this.#keep(this.#secretFollower(ref.secret, certificateIn));
        const named = remembered((certificate: TlsCertificate) => ({ source: `secret "${name}"`, name, certificate }));
        return () => mapped(follower.now, named);
      }
      case 'provider': {
        const { instanceName: name } = ref;
        const follower = this.#provider(name);
        const named = remembered((identity: Identity) => withCertificate(name, identity));
        return () => flattened(follower.now, named);
      }
    }
  }

  #validation(): Followed<NamedValidation | null> {
    const ref = this.#common.validation;
    if (ref === null) return NOBODY;
    const secret = this.#secret?.now ?? null;
    if (secret !== null && secret.state !== 'known') return secret;
    const named = this.#rules(secret?.value ?? NO_RULES);
    const provider = named.context.caCertificateProvider ?? ref.provider;
    if (provider === null) return { state: 'known', value: named };
    const identity = this.#provider(provider.instanceName).now;
    return identity.state === 'known' ? this.#withRoots(named, provider.instanceName, identity.value) : identity;
  }

  #secretFollower<T>(ref: Parameters<WatchSecret>[0], read: (secret: Secret) => T): SecretFollower<T> {
    return new SecretFollower(ref, this.#parts.watchSecret, this.#parts.clock, read, this.#events);
  }

  #provider(name: string): Source<Identity> {
    const known = this.#providers.get(name);
    if (known !== undefined) return known;
    // It may tell what it knows while it is opened. Whoever asks for it here looks at it next: hearing of that, he would ask again for what is not there yet.
    let open = false;
    const events: SourceEvents = { ...this.#events, changed: () => open && this.#events.changed() };
    const follower = this.#keep(new ProviderFollower(name, this.#parts.providers.get(name), events));
    this.#providers.set(name, follower);
    open = true;
    return follower;
  }

  #keep<S extends Source<unknown>>(source: S): S {
    this.#sources.push(source);
    return source;
  }
}

function certificateIn(secret: Secret): TlsCertificate {
  if (secret.kind === 'tls_certificate') return secret.certificate;
  throw new Error(`it is a ${secret.kind}, where a tls_certificate is needed`);
}

function validationIn(secret: Secret): CertificateValidationContext {
  if (secret.kind === 'validation_context') return secret.validation;
  throw new Error(`it is a ${secret.kind}, where a validation_context is needed`);
}

function mapped<A, B>(followed: Followed<A>, map: (value: A) => B): Followed<B> {
  return followed.state === 'known' ? { state: 'known', value: map(followed.value) } : followed;
}

function flattened<A, B>(followed: Followed<A>, map: (value: A) => Followed<B>): Followed<B> {
  return followed.state === 'known' ? map(followed.value) : followed;
}

/** Gives the same object again for the same arguments: what did not change is told by that. */
function remembered<A extends readonly unknown[], B>(make: (...args: A) => B): (...args: A) => B {
  let last: { readonly args: A; readonly made: B } | null = null;
  return (...args) => {
    if (last === null || args.some((each, index) => each !== last?.args[index])) last = { args, made: make(...args) };
    return last.made;
  };
}

function withCertificate(name: string, { certificate }: Identity): Followed<NamedCertificate> {
  const source = `certificate provider "${name}"`;
  if (certificate === null) return { state: 'missing', reason: `${source} has no certificate: it knows roots only` };
  const { chain, key } = certificate;
  const inline: TlsCertificate = {
    certificateChain: { kind: 'inline', bytes: Buffer.from(chain) },
    privateKey: { kind: 'inline', bytes: key },
    pkcs12: null,
    password: null,
    watchedDirectory: null,
    ocspStaple: null,
    privateKeyProvider: null,
  };
  return { state: 'known', value: { source, name, certificate: inline } };
}

function withRoots({ context }: NamedValidation, name: string, { trust }: Identity): Followed<NamedValidation> {
  const source = `certificate provider "${name}"`;
  // With no roots at all, anybody would be trusted.
  if (trust === null || (trust.roots === '' && trust.byTrustDomain === null)) {
    return { state: 'missing', reason: `${source} has no roots` };
  }
  const { roots, crl, byTrustDomain } = trust;
  const merged: CertificateValidationContext = {
    ...context,
    trustedCa: roots === '' ? context.trustedCa : { kind: 'inline', bytes: Buffer.from(roots) },
    crl: crl === '' ? context.crl : { kind: 'inline', bytes: Buffer.from(crl) },
  };
  return { state: 'known', value: { source, context: merged, byTrustDomain } };
}
