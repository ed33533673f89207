import type { CacheHost } from './cache-host.ts';
import type { AdsClientOptions, AdsServerOptions } from './client-options.ts';
import { readServerFeatures } from './server-features.ts';

/** What the caches heed of a server while it is in force. */
export type ServerTerms = Pick<CacheHost, 'context' | 'features' | 'resourceTimeoutMs'>;

export function termsOf({ serverUri, serverFeatures }: AdsServerOptions, options: AdsClientOptions): ServerTerms {
  const features = readServerFeatures(serverFeatures ?? []);
  return {
    features,
    resourceTimeoutMs: options.resourceTimeoutMs ?? (features.resourceTimerIsTransientError ? 30_000 : 15_000),
    context: { nodeId: options.node.id, controlPlane: serverUri },
  };
}
