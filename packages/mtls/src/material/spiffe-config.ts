import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { DataSource as ProtoDataSource } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { SPIFFECertValidatorConfig } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb';
import type { ExtensionConfig } from '@inmesh/core';
import type { SourceReader } from '../material-parts.ts';
import { parseSpiffeId } from '../spiffe-id.ts';
import { parseTrustBundleMap } from '../trust-bundle-map.ts';
import { materialError } from './config-error.ts';

const SPIFFE = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig';

/** PEM of the roots by trust domain. Throws for a validator of another kind, which would be left out otherwise. */
export function readTrustDomains(
  { typeName, message }: ExtensionConfig,
  reader: SourceReader,
  place: string,
): ReadonlyMap<string, string | Uint8Array> {
  if (typeName !== SPIFFE || message === null)
    throw materialError(
      place,
      `custom_validator_config: validators of the type ${typeName || '(none)'} are not supported`,
    );
  const { trustDomains, trustBundles } = fromBinary(messageType<SPIFFECertValidatorConfig>(SPIFFE), message);
  // As Envoy: where there are bundles, the trust domains are not looked at.
  if (trustBundles !== undefined) {
    const json = readProto(trustBundles, reader, `${place}: trust_bundles`);
    const domains = parseTrustBundleMap(Buffer.from(json).toString('utf8'), `trust_bundles of ${place}`);
    if (domains.size === 0) throw materialError(place, 'No trust domains found in SPIFFE bundle');
    return domains;
  }
  const domains = new Map<string, Uint8Array>();
  for (const { name, trustBundle, workloadTrustDomain } of trustDomains) {
    const where = `${place}: trust_domains ${name}`;
    if (parseSpiffeId(`spiffe://${name}`) === null) throw materialError(where, 'it is no name of a trust domain');
    if (workloadTrustDomain !== '') throw materialError(where, 'workload_trust_domain is not supported');
    if (domains.has(name)) throw materialError(where, 'Multiple trust bundles are given for one trust domain');
    if (trustBundle === undefined) throw materialError(where, 'trust_bundle is missing');
    domains.set(name, readProto(trustBundle, reader, where));
  }
  return domains;
}

function readProto({ specifier, watchedDirectory }: ProtoDataSource, reader: SourceReader, place: string): Uint8Array {
  switch (specifier.case) {
    case 'inlineBytes':
      return specifier.value;
    case 'inlineString':
      return Buffer.from(specifier.value);
    case 'filename':
      return reader.read({ kind: 'file', path: specifier.value, watchedDirectory: watchedDirectory?.path ?? null });
    case 'environmentVariable':
      return reader.read({ kind: 'environment', variable: specifier.value });
    default:
      throw materialError(place, 'the source of data is empty');
  }
}
