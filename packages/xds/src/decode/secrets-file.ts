import { fromBinary } from '@bufbuild/protobuf';
import { messageType, registry, typeUrlOf } from '@inmesh/api';
import type { Secret as ProtoSecret } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { DiscoveryResponse } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { MeshError, type Secret } from '@inmesh/core';
import { decodeMessage, parseText } from '../text/index.ts';
import { type Decoding, Refusal } from './decoding.ts';
import { decodeSecret } from './secret.ts';

const RESPONSE = 'envoy.service.discovery.v3.DiscoveryResponse';
const SECRET = 'envoy.extensions.transport_sockets.tls.v3.Secret';

/**
 * The secrets of a file that stands in the place of a server of SDS: a DiscoveryResponse in YAML or JSON, as Envoy reads it. (`path_config_source`)
 * Errors name the place and quote nothing: what is written there is secret.
 */
export function readSecretsFile(decoding: Decoding, text: string, origin: string): Secret[] {
  return quietly(origin, () => {
    const document = parseText(text, origin);
    const response = decodeMessage(document, [], messageType<DiscoveryResponse>(RESPONSE), registry());
    return response.resources.flatMap(({ typeUrl, value }) =>
      typeUrl === typeUrlOf(SECRET)
        ? [decodeSecret(decoding, fromBinary(messageType<ProtoSecret>(SECRET), value))]
        : [],
    );
  });
}

function quietly<T>(origin: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const field = error instanceof Refusal && error.field !== '' ? ` at ${error.field}` : '';
    throw new MeshError(
      'invalid_config',
      `${origin} holds no ${RESPONSE} with secrets${field}: write { resources: [{ "@type": ${typeUrlOf(SECRET)}, name: …, … }] }`,
      { resource: origin },
    );
  }
}
