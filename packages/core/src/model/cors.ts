import type { StringMatch } from './matcher.ts';
import type { RuntimeFractionalPercent } from './runtime.ts';

/** Which pages of other origins a browser may let call. (envoy.extensions.filters.http.cors.v3.CorsPolicy) */
export interface CorsPolicy {
  /** Empty where a policy of a more general level tells; so it is with all texts here. */
  readonly allowOrigins: readonly StringMatch[];
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  /** Null where a policy of a more general level tells; so it is with the next two. By default false. */
  readonly allowCredentials: boolean | null;
  readonly allowPrivateNetworkAccess: boolean | null;
  /** A preflight from an origin that is not allowed goes on to the service; by default true. */
  readonly forwardNotMatchingPreflights: boolean | null;
  /** Null for all calls. */
  readonly filterEnabled: RuntimeFractionalPercent | null;
  /** Calls that are only counted; null for none. */
  readonly shadowEnabled: RuntimeFractionalPercent | null;
}
