import type { IdentityProvider } from '../identity.ts';
import { type FileProviderParts, faultOf, type PemFilesOptions, pemFiles } from './pem-files.ts';

/** Milliseconds; gRFC A29. */
const DEFAULT_REFRESH_MS = 600_000;
/** Milliseconds: less would only cost. */
const MIN_REFRESH_MS = 1_000;

/**
 * An entry of `certificate_providers` with `plugin_name` `file_watcher`, by its `config` as written. (gRFC A29, A65, A87) Throws where a field is of no use; the text
 * begins with the field. Changes are seen at once where the system tells of them; `refresh_interval` is for the rest.
 */
export function fileWatcher(
  config: { readonly [field: string]: unknown },
  parts: Partial<FileProviderParts> = {},
): IdentityProvider {
  const named: { -readonly [K in keyof PemFilesOptions]: PemFilesOptions[K] } = {};
  const certFile = pathIn(config, 'certificate_file');
  const keyFile = pathIn(config, 'private_key_file');
  const caFile = pathIn(config, 'ca_certificate_file');
  const trustBundleMapFile = pathIn(config, 'spiffe_trust_bundle_map_file');
  if (certFile !== undefined) named.certFile = certFile;
  if (keyFile !== undefined) named.keyFile = keyFile;
  if (caFile !== undefined) named.caFile = caFile;
  if (trustBundleMapFile !== undefined) named.trustBundleMapFile = trustBundleMapFile;
  const fault = faultOf(named);
  if (fault !== null) throw new Error(`certificate_file, private_key_file, ca_certificate_file: ${fault}`);
  return pemFiles({ ...named, refreshMs: refreshIn(config) }, parts);
}

/** Empty is not set, as in gRPC. */
function pathIn(config: { readonly [field: string]: unknown }, field: string): string | undefined {
  const value = config[field];
  if (value === undefined || value === null || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw new Error(`${field}: ${JSON.stringify(value)} is no path`);
}

function refreshIn({ refresh_interval: text }: { readonly [field: string]: unknown }): number {
  if (text === undefined || text === null) return DEFAULT_REFRESH_MS;
  const seconds = typeof text === 'string' ? /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(text)?.[1] : undefined;
  if (seconds === undefined) {
    throw new Error(`refresh_interval: ${JSON.stringify(text)} is no duration: write seconds with an s, such as 600s`);
  }
  return Math.max(MIN_REFRESH_MS, Number(seconds) * 1000);
}
