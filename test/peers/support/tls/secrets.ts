import { join } from 'node:path';
import type { ResourceInput } from '@inmesh/control-plane';
import { type IdentityFiles, replaceFile } from './trust.ts';

type Json = Record<string, unknown>;

const SECRET = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret';

/** Where a TLS context has its certificate and roots from: the files themselves, a file of secrets that names them, or the control plane. */
export type SecretSource = 'files' | 'path' | 'ads';

/** Istio's names of the two secrets. */
export const OWN_SECRET = 'default';
export const ROOT_SECRET = 'ROOTCA';

/** The secrets of an identity as resources, with what they hold inline. */
export function secretResources({ chain, key, root }: IdentityFiles): ResourceInput[] {
  const text = (value: string) => ({ inline_string: value });
  return [
    { '@type': SECRET, name: OWN_SECRET, tls_certificate: { certificate_chain: text(chain), private_key: text(key) } },
    { '@type': SECRET, name: ROOT_SECRET, validation_context: { trusted_ca: text(root) } },
  ];
}

/** Writes the files of secrets that `path` means: of one secret each, beside what they name. */
export function writeSecretFiles(identity: IdentityFiles): void {
  const { folder, chainFile, keyFile, rootFile } = identity;
  const file = (filename: string) => ({ filename });
  const secrets = [
    { name: OWN_SECRET, tls_certificate: { certificate_chain: file(chainFile), private_key: file(keyFile) } },
    { name: ROOT_SECRET, validation_context: { trusted_ca: file(rootFile) } },
  ];
  for (const secret of secrets) {
    const content = { resources: [{ '@type': SECRET, ...secret }] };
    replaceFile(secretFile(folder, secret.name), JSON.stringify(content));
  }
}

/** The certificate of a CommonTlsContext, and whom it trusts: `rules` are other fields of the validation context. */
export function commonSecrets(source: SecretSource, identity: IdentityFiles, rules: Json): Json {
  const { chainFile, keyFile, rootFile, folder } = identity;
  if (source === 'files') {
    return {
      tls_certificates: [{ certificate_chain: { filename: chainFile }, private_key: { filename: keyFile } }],
      validation_context: { trusted_ca: { filename: rootFile }, ...rules },
    };
  }
  const config = (name: string) => ({
    name,
    sds_config: {
      resource_api_version: 'V3',
      ...(source === 'ads' ? { ads: {} } : { path_config_source: { path: secretFile(folder, name) } }),
    },
  });
  return {
    tls_certificate_sds_secret_configs: [config(OWN_SECRET)],
    combined_validation_context: {
      default_validation_context: rules,
      validation_context_sds_secret_config: config(ROOT_SECRET),
    },
  };
}

function secretFile(folder: string, name: string): string {
  return join(folder, `${name}.json`);
}
