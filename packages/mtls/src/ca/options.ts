import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Clock } from '@inmesh/core';
import type { CertificateContent, Usage } from './certificate.ts';
import type { KeyType } from './keys.ts';
import type { SubjectNames } from './names.ts';

/** Clocks of peers differ: a certificate is good from two minutes before it was made, as Istio's are. */
export const SKEW_MS = 120_000;
export const DAY_MS = 86_400_000;

export interface Validity {
  /** Milliseconds since 1970; default two minutes ago, because clocks of peers differ. */
  readonly notBefore?: number;
  /** Milliseconds since 1970; default a day from now for a leaf, as Istio's, and ten years for an authority. */
  readonly notAfter?: number;
}

export interface AuthorityOptions extends SubjectNames, Validity {
  /** Default `inmesh development CA`. */
  readonly commonName?: string;
  /** Default ECDSA P-256. */
  readonly keyType?: KeyType;
  /** How many authorities may follow below this one; default any number. */
  readonly pathLength?: number;
}

export interface LeafOptions extends SubjectNames, Validity {
  /** Default none, as SPIFFE has it: the name is in the alternative ones. */
  readonly commonName?: string;
  /** Default both; an empty list leaves the extension out. */
  readonly usages?: readonly Usage[];
}

export interface IssueOptions extends LeafOptions {
  /** Default ECDSA P-256. */
  readonly keyType?: KeyType;
}

export function authorityContent(options: AuthorityOptions, key: KeyObject, clock: Clock): CertificateContent {
  const now = clock.wallNow();
  return {
    commonName: options.commonName ?? 'inmesh development CA',
    names: options,
    notBefore: options.notBefore ?? now - SKEW_MS,
    notAfter: options.notAfter ?? now + 3650 * DAY_MS,
    publicKey: createPublicKey(key),
    authority: { pathLength: options.pathLength ?? null },
    usages: [],
  };
}

export function leafContent(options: LeafOptions, publicKey: KeyObject, clock: Clock): CertificateContent {
  const now = clock.wallNow();
  return {
    commonName: options.commonName ?? '',
    names: options,
    notBefore: options.notBefore ?? now - SKEW_MS,
    notAfter: wholeSeconds(options.notAfter ?? now + DAY_MS),
    publicKey,
    authority: null,
    usages: options.usages ?? ['server', 'client'],
  };
}

function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
