import type { Clock, OwnFilter, Random } from '@inmesh/core';
import type { IdentityProvider } from '@inmesh/mtls';
import type { Bootstrap, DecodeProfile, MassRemovalOptions } from '@inmesh/xds';
import type { OverrideRules } from './overrides/overrides.ts';
import type { SdsTargets } from './secrets/sds-targets.ts';
import type { ShareOptions } from './share/stream-seeker.ts';

/** What `createMesh` was told, with its defaults filled in. */
export interface MeshParts {
  readonly bootstrap: Bootstrap;
  readonly services: readonly URL[];
  readonly domains: readonly string[];
  /** By name or type URL. */
  readonly filters: { readonly [nameOrType: string]: OwnFilter };
  /** Answers what the feed asks of the agent beside a sidecar; null: the agent is asked. */
  readonly identity: IdentityProvider | null;
  /** Servers of secrets, by the clusters that name them where the bootstrap does not define these. */
  readonly sdsTargets: SdsTargets;
  /** Also match the routes of Istio's HTTP proxy port. */
  readonly httpProxy: boolean;
  readonly outsideMesh: 'passThrough' | 'refuse';
  readonly profile: DecodeProfile;
  readonly failAs: 'response' | 'error';
  /** Null for nothing. */
  readonly acceptOverrides: OverrideRules | null;
  readonly holdTimeoutMs: number;
  readonly maxHeld: number;
  /** Null for none. */
  readonly stateDirectory: string | null;
  readonly prefetch: 'used' | 'all';
  /** Null for none. */
  readonly massRemoval: MassRemovalOptions | null;
  readonly share: ShareOptions;
  /** Milliseconds; 0 for never. */
  readonly idleServiceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (warning: Error) => void;
}
