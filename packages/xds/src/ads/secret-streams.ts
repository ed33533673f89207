import { deltaStreams } from './delta-stream.ts';
import { sotwStreams } from './sotw-stream.ts';
import type { AdsVariant } from './status.ts';
import type { OpenAdsStream } from './stream.ts';

const SERVICE = '/envoy.service.secret.v3.SecretDiscoveryService';

/** Streams to a server of secrets and of nothing else, such as an istio-agent's; for `AdsClientOptions.openStream`. (SDS) */
export const secretStreams: { readonly [V in AdsVariant]: OpenAdsStream } = {
  sotw: sotwStreams(`${SERVICE}/StreamSecrets`),
  delta: deltaStreams(`${SERVICE}/DeltaSecrets`),
};
