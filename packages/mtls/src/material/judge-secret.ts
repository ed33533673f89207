import {
  type Clock,
  type CommonTlsContext,
  type DataSource,
  type RegexEngine,
  type Secret,
  systemClock,
} from '@inmesh/core';
import type { MaterialParts, SourceReader } from '../material-parts.ts';
import { makeMaterial } from './build-material.ts';
import { nameJudge } from './name-judge.ts';
import { pinJudge } from './pin-judge.ts';
import type { ReadParts } from './read-parts.ts';
import { readSources } from './read-sources.ts';
import { trustOf } from './trust.ts';

const INLINE: SourceReader = { read: bytesOf, readSecret: bytesOf };
/** What stands beside a secret in a TLS context is not known where the secret is read. */
const BESIDE: CommonTlsContext = {
  minVersion: null,
  maxVersion: null,
  cipherSuites: [],
  ecdhCurves: [],
  signatureAlgorithms: [],
  certificates: [],
  validation: null,
  alpnProtocols: [],
};

/**
 * Throws for a secret that no TLS context could use, so that whoever has sent it hears of it, as from Envoy: PEM that is cut off, a key of
 * another certificate, hashes that are none. What is in files is left to whoever follows them, because they may be in the middle of a
 * renewal; so is what a whole context alone can tell, such as names whose roots come from elsewhere, and the validity, which time changes.
 */
export function judgeSecret(secret: Secret, regex: RegexEngine, clock: Clock = systemClock): void {
  const read = (some: Pick<MaterialParts, 'certificates' | 'validation'>): ReadParts =>
    readSources({ ...some, common: BESIDE, reader: INLINE, regex, clock }, 'server');
  if (secret.kind === 'tls_certificate') {
    const { certificate } = secret;
    const { certificateChain, privateKey, pkcs12, password } = certificate;
    if ([certificateChain, privateKey, pkcs12, password].some(isElsewhere)) return;
    makeMaterial(read({ certificates: [{ source: 'tls_certificate', name: '', certificate }], validation: null }));
  } else if (secret.kind === 'validation_context') {
    const { validation: context } = secret;
    const { trustedCa, crl, customValidator } = context;
    // A validator may name files of its own.
    if (customValidator !== null || [trustedCa, crl].some(isElsewhere)) return;
    const source = 'validation_context';
    const parts = read({ certificates: [], validation: { source, context, byTrustDomain: null } });
    if (trustedCa !== null) {
      makeMaterial(parts);
      return;
    }
    nameJudge(context.subjectAltNames, regex, source);
    pinJudge(context, source);
    if (parts.validation !== null) trustOf(parts.validation);
  }
}

function isElsewhere(source: DataSource<unknown> | null): boolean {
  return source !== null && source.kind !== 'inline';
}

function bytesOf<B>(source: DataSource<B>): B {
  if (source.kind === 'inline') return source.bytes;
  throw new TypeError('it is not inline');
}
