import { X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Clock } from '@inmesh/core';
import { parseSpiffeId } from '@inmesh/mtls';
import type { KeyType } from '@inmesh/mtls/ca';
import { commandError, readText, replaceFile } from './files.ts';
import { sdsCertificate, sdsRoots } from './how-to.ts';
import type { TrustDomain } from './trust-domain.ts';

/** Certificates begin two minutes early, for the clocks of others. */
const SKEW_MS = 120_000;

/** Of a mounted Secret of Kubernetes. */
export const CHAIN_FILE = 'tls.crt';
export const KEY_FILE = 'tls.key';
export const ROOTS_FILE = 'ca.crt';

/** What a workload's certificate says. */
export interface WorkloadNames {
  /** Its SPIFFE ID. */
  readonly uri: string;
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
}

/** A workload that has a certificate, as its files tell: nothing is written down besides. */
export interface Workload {
  readonly folder: string;
  readonly names: WorkloadNames;
  readonly keyType: KeyType;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly notAfter: number;
}

/** `namespace/account` as Istio has it, or a whole SPIFFE ID of this trust domain. */
export function workloadUri(text: string, trustDomain: string): string {
  const uri = text.startsWith('spiffe://') ? text : istioUri(text, trustDomain);
  const id = uri === null ? null : parseSpiffeId(uri);
  if (uri === null || id === null || id.path === '') {
    throw commandError(
      `"${text}" names no workload: write namespace/account, or a SPIFFE ID such as spiffe://${trustDomain}/ns/default/sa/web`,
    );
  }
  if (id.trustDomain === trustDomain) return uri;
  throw commandError(`${text} is of another trust domain: this folder is ${trustDomain}`);
}

function istioUri(text: string, trustDomain: string): string | null {
  const [, namespace, account] = /^([^/]+)\/([^/]+)$/.exec(text) ?? [];
  return namespace === undefined ? null : `spiffe://${trustDomain}/ns/${namespace}/sa/${account}`;
}

/** Writes a new key and certificate, in the place of older ones. Chain and key are renamed one after the other: who follows files looks again. */
export async function issueWorkload(
  folder: string,
  { authority, name }: TrustDomain,
  { uri, dnsNames, ips }: WorkloadNames,
  { ttlMs, keyType }: { readonly ttlMs: number; readonly keyType: KeyType },
  clock: Clock,
): Promise<Workload> {
  const notAfter = clock.wallNow() + ttlMs;
  const certified = await authority.issue({ uris: [uri], dnsNames, ips, notAfter, keyType }).catch((cause: Error) => {
    throw commandError(`${uri}: ${cause.message}`, cause);
  });
  const own = join(folder, folderOf(uri, name));
  replaceFile(join(own, KEY_FILE), certified.key.reveal(), 0o600);
  replaceFile(join(own, CHAIN_FILE), certified.chain, 0o644);
  replaceFile(join(own, ROOTS_FILE), authority.root, 0o644);
  replaceFile(join(own, 'sds-default.yaml'), sdsCertificate(resolve(own)), 0o644);
  replaceFile(join(own, 'sds-rootca.yaml'), sdsRoots(resolve(own)), 0o644);
  const workload = readWorkload(own);
  if (workload === null) throw commandError(`${own} cannot be read back`);
  return workload;
}

/** `default.reviews` for spiffe://td/ns/default/sa/reviews; the whole path for others. */
function folderOf(uri: string, trustDomain: string): string {
  const path = uri.slice(`spiffe://${trustDomain}/`.length);
  const [, namespace, account] = /^ns\/([^/]+)\/sa\/([^/]+)$/.exec(path) ?? [];
  return namespace === undefined ? path.replaceAll('/', '.') : `${namespace}.${account}`;
}

export function listWorkloads(folder: string): Workload[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => readWorkload(join(folder, entry.name)))
    .filter((workload) => workload !== null)
    .toSorted((a, b) => (a.folder < b.folder ? -1 : 1));
}

function readWorkload(folder: string): Workload | null {
  const pem = readText(join(folder, CHAIN_FILE));
  if (pem === null) return null;
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch (cause) {
    throw commandError(
      `${join(folder, CHAIN_FILE)} is no certificate in PEM: remove the folder, or issue it again`,
      cause,
    );
  }
  const names = (certificate.subjectAltName ?? '').split(', ');
  const ofKind = (kind: string): string[] =>
    names.filter((name) => name.startsWith(kind)).map((name) => name.slice(kind.length));
  const [uri] = ofKind('URI:');
  if (uri === undefined) return null;
  return {
    folder,
    names: { uri, dnsNames: ofKind('DNS:'), ips: ofKind('IP Address:') },
    keyType: keyTypeOf(certificate),
    issuedAt: certificate.validFromDate.getTime() + SKEW_MS,
    notAfter: certificate.validToDate.getTime(),
  };
}

function keyTypeOf({ publicKey }: X509Certificate): KeyType {
  const { namedCurve, modulusLength } = publicKey.asymmetricKeyDetails ?? {};
  if (publicKey.asymmetricKeyType === 'ed25519') return 'ed25519';
  if (modulusLength !== undefined) return modulusLength > 2048 ? 'rsa-4096' : 'rsa-2048';
  return namedCurve === 'secp384r1' ? 'ecdsa-p384' : 'ecdsa-p256';
}
