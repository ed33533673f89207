import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type TLSSocket, type TlsOptions } from 'node:tls';
import {
  type CertificateValidationContext,
  type Clock,
  type ExpectedNames,
  noRegex,
  type RegexEngine,
  SecretBytes,
  type SubjectAltNameMatcher,
  systemClock,
} from '@inmesh/core';
import type { CertifiedKey } from '../identity.ts';
import type { ReadCertificate, ReadParts, ReadValidation, TlsParameters } from '../material/read-parts.ts';
import type { PeerRefusal, TlsMaterial } from '../tls-material.ts';
import { tlsIdentity } from './handshake.ts';

export const NO_PARAMETERS: TlsParameters = {
  minVersion: null,
  maxVersion: null,
  cipherSuites: [],
  ecdhCurves: [],
  signatureAlgorithms: [],
};

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

/** PEM of roots, lists of revoked certificates, roots by trust domain; and rules beside them. */
export interface TestTrust extends Partial<CertificateValidationContext> {
  readonly roots?: string;
  readonly lists?: string;
  readonly domains?: Readonly<Record<string, string>>;
}

export function readValidationOf({ roots, lists, domains, ...rules }: TestTrust): ReadValidation {
  return {
    place: 'secret ROOTCA',
    rules: { ...NO_RULES, ...rules },
    trustedCa: roots === undefined ? null : Buffer.from(roots),
    crl: lists === undefined ? null : Buffer.from(lists),
    trustDomains: domains === undefined ? null : new Map(Object.entries(domains)),
  };
}

export function readCertificateOf({ chain, key }: CertifiedKey, more: Partial<ReadCertificate> = {}): ReadCertificate {
  return {
    place: 'secret default',
    certificateChain: Buffer.from(chain),
    privateKey: key,
    pkcs12: null,
    password: null,
    ...more,
  };
}

export function partsOf(more: Partial<ReadParts> & { readonly trust?: TestTrust }): ReadParts {
  const { trust, ...parts } = more;
  return {
    peer: 'server',
    certificates: [],
    validation: trust === undefined ? null : readValidationOf(trust),
    parameters: NO_PARAMETERS,
    regex: noRegex,
    clock: systemClock,
    ...parts,
  };
}

export function secret(text: string | Uint8Array): SecretBytes {
  return new SecretBytes(Buffer.from(text));
}

export function exactName(value: string, more: Partial<SubjectAltNameMatcher> = {}): SubjectAltNameMatcher {
  return { sanType: 'uri', match: 'exact', value, ignoreCase: false, oid: '', ...more };
}

/** Connects to a server with this certificate as connections are made: what the material says of it. */
export async function verdictOn(
  server: CertifiedKey | TlsOptions,
  material: TlsMaterial,
  expected: ExpectedNames | null = null,
  look: (socket: TLSSocket) => void = () => undefined,
): Promise<PeerRefusal | null> {
  const listener = createServer('chain' in server ? tlsIdentity(server) : server, (socket) =>
    socket.on('error', () => undefined).end(),
  );
  listener.on('tlsClientError', () => undefined);
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const socket = connect({
    host: '127.0.0.1',
    port,
    secureContext: material.secureContext,
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  try {
    await once(socket, 'secureConnect');
    look(socket);
    return material.verify(socket, expected);
  } finally {
    socket.destroy();
    listener.close();
  }
}

/** A clock that stands at this time of the calendar. */
export function clockAt(wallMs: number): Clock {
  return { ...systemClock, wallNow: () => wallMs };
}

/** As far as tests of names need it: anchored patterns of JavaScript. */
export const jsRegex: RegexEngine = {
  compile(pattern) {
    const regex = new RegExp(`^(?:${pattern})$`);
    return { matches: (text) => regex.test(text), groups: () => null, names: {}, replacer: () => (text) => text };
  },
};
