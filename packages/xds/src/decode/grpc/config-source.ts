import type { ConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import { Refusal } from '../decoding.ts';

/** gRPC has one stream for everything: a resource comes over it, or not at all. (gRFC A27) */
export function requireAdsOrSelf(source: ConfigSource | undefined, field: string): void {
  const specifier = source?.configSourceSpecifier.case;
  if (specifier !== 'ads' && specifier !== 'self') throw new Refusal(field, 'must be ads or self');
}
