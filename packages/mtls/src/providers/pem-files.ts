import { type Clock, systemClock } from '@inmesh/core';
import { type FileContents, FollowedFiles } from '../files/followed-files.ts';
import { type WatchDirectory, watchDirectory } from '../files/watch-directory.ts';
import type { CertifiedKey, Identity, IdentityProvider, TrustBundles } from '../identity.ts';
import { identityError } from '../identity-error.ts';
import { sameIdentity } from '../same-identity.ts';
import { parseTrustBundleMap } from '../trust-bundle-map.ts';
import { WatchedSource } from '../watched-source.ts';
import { certificatesOf, readPemPair } from './pem-pair.ts';

/** Which files hold what; certificate and key stand together or not at all, and one of all must be there. */
export interface PemFiles {
  /** The leaf first, then what leads to a root. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** Roots; not looked at where there is a map of bundles. */
  readonly caFile?: string;
  /** JSON: the roots of each trust domain. (gRFC A87) */
  readonly trustBundleMapFile?: string;
  readonly crlFile?: string;
}

export interface PemFilesOptions extends PemFiles {
  /** Milliseconds between two looks where the system tells of no change, as on network filesystems; default 30,000. */
  readonly refreshMs?: number;
}

/** What a provider of files is made with. */
export interface FileProviderParts {
  readonly clock: Clock;
  readonly watchDirectory: WatchDirectory;
  /** A watcher threw. */
  readonly onError: (error: Error) => void;
}

const systemParts: FileProviderParts = {
  clock: systemClock,
  watchDirectory,
  onError: (error) => process.emitWarning(error),
};

/** The identity in files, whoever renews them: certbot, cert-manager, Vault, a mounted Secret of Kubernetes. Throws for options of no use. */
export function pemFiles(options: PemFilesOptions, parts: Partial<FileProviderParts> = {}): IdentityProvider {
  const { clock, watchDirectory, onError } = { ...systemParts, ...parts };
  const { refreshMs = 30_000 } = options;
  const fault = faultOf(options);
  if (fault !== null) throw new Error(fault);
  const { certFile, keyFile, caFile, trustBundleMapFile, crlFile } = options;
  const rootsFile = trustBundleMapFile ?? caFile;
  const files = [certFile, keyFile, rootsFile, crlFile].filter((file) => file !== undefined);
  return new WatchedSource<Identity>(
    (teller) => {
      let last: Identity | null = null;
      const followed = new FollowedFiles(
        { files, directories: [], refreshMs, clock, watchDirectory },
        {
          read(contents) {
            last = { certificate: certificateIn(contents, options, clock), trust: trustIn(contents, options) };
            teller.changed(last);
          },
          failed: (error) => teller.failed(identityError(files.join(', '), error.message, error)),
          recovered() {
            if (last !== null) teller.changed(last);
          },
        },
      );
      return () => followed.end();
    },
    sameIdentity,
    onError,
  );
}

/** What is wrong with these options; null for nothing. */
export function faultOf({ certFile, keyFile, caFile, trustBundleMapFile }: PemFiles): string | null {
  if ((certFile === undefined) !== (keyFile === undefined)) {
    return 'a certificate and its private key must be given together: name both files, or none';
  }
  if (certFile === undefined && caFile === undefined && trustBundleMapFile === undefined) {
    return 'no file is named: give those of a certificate and its key, of roots, or of both';
  }
  return null;
}

function certificateIn(contents: FileContents, { certFile, keyFile }: PemFiles, clock: Clock): CertifiedKey | null {
  if (certFile === undefined || keyFile === undefined) return null;
  const chain = contents.get(certFile)!;
  const key = contents.get(keyFile)!;
  return readPemPair({ chain, chainPlace: certFile, key, keyPlace: keyFile }, clock.wallNow());
}

function trustIn(contents: FileContents, { caFile, trustBundleMapFile, crlFile }: PemFiles): TrustBundles | null {
  const crl = crlFile === undefined ? '' : contents.get(crlFile)!.toString('latin1');
  if (trustBundleMapFile !== undefined) {
    const json = contents.get(trustBundleMapFile)!.toString('utf8');
    return { roots: '', byTrustDomain: parseTrustBundleMap(json, trustBundleMapFile), crl };
  }
  if (caFile === undefined) return null;
  return { roots: certificatesOf(contents.get(caFile)!, caFile), byTrustDomain: null, crl };
}
