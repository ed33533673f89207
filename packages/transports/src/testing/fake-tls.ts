// TLS material that a test makes and changes by hand.
import { createSecureContext, type SecureContextOptions, type TLSSocket } from 'node:tls';
import type { CommonTlsContext, ExpectedNames, TransportSocketConfig, UpstreamTlsContext } from '@inmesh/core';
import type { FollowedTls, FollowedTlsEvents, PeerRefusal, TlsMaterial } from '@inmesh/mtls';
import type { TlsSource } from '../connect/followed-contexts.ts';

const COMMON: CommonTlsContext = {
  minVersion: null,
  maxVersion: null,
  cipherSuites: [],
  ecdhCurves: [],
  signatureAlgorithms: [],
  certificates: [],
  validation: null,
  alpnProtocols: [],
};

export function tlsContext(
  options: Partial<UpstreamTlsContext> = {},
  common: Partial<CommonTlsContext> = {},
): UpstreamTlsContext {
  return {
    common: { ...COMMON, ...common },
    sni: '',
    autoHostSni: false,
    autoSniSanValidation: false,
    allowRenegotiation: false,
    maxSessionKeys: 1,
    ...options,
  };
}

export function tlsSocket(
  options: Partial<UpstreamTlsContext> = {},
  common: Partial<CommonTlsContext> = {},
): TransportSocketConfig {
  return { kind: 'tls', context: tlsContext(options, common) };
}

/** Trusts what OpenSSL trusts and, of that, who has one of the names. */
export class FakeMaterial implements TlsMaterial {
  readonly secureContext: ReturnType<typeof createSecureContext>;
  /** The names that were expected, of each peer that it judged. */
  readonly judged: (ExpectedNames | null)[] = [];
  readonly #names: readonly string[] | null;

  constructor(options: SecureContextOptions, names: readonly string[] | null = null) {
    this.secureContext = createSecureContext(options);
    this.#names = names;
  }

  verify(socket: TLSSocket, expected: ExpectedNames | null): PeerRefusal | null {
    this.judged.push(expected);
    if (!socket.authorized) return { failure: 'fail_verify_error', message: String(socket.authorizationError) };
    const names = expected?.names ?? this.#names;
    const presented = (socket.getPeerCertificate().subjectaltname ?? '').split(', ');
    if (names === null || names.some((name) => presented.includes(name))) return null;
    return { failure: 'fail_verify_san', message: `${presented} was presented, ${names} was expected` };
  }
}

/** Gives out what the test says, for every context. */
export class FakeTls implements TlsSource {
  material: ReturnType<FollowedTls['current']>;
  settled = true;
  readonly followed: { readonly context: UpstreamTlsContext; readonly events: FollowedTlsEvents; released: boolean }[] =
    [];

  constructor(material: ReturnType<FollowedTls['current']>) {
    this.material = material;
  }

  follow(context: UpstreamTlsContext, _place: { readonly cluster: string }, events: FollowedTlsEvents): FollowedTls {
    const entry = { context, events, released: false };
    this.followed.push(entry);
    const source = this;
    return {
      get settled() {
        return source.settled;
      },
      current: () => this.material,
      release: () => {
        entry.released = true;
      },
    };
  }
}
