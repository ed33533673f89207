import type { HeaderMutations } from './header-mutation.ts';
import type { RuntimeFractionalPercent } from './runtime.ts';

/** Copies of requests to a further cluster, whose answers nobody hears. (envoy.config.route.v3.RouteAction.RequestMirrorPolicy) */
export interface MirrorPolicy {
  /** Empty where `clusterHeader` tells. */
  readonly cluster: string;
  /** The request header that names the cluster, in lower case; empty for none. */
  readonly clusterHeader: string;
  /** Null for all requests. */
  readonly fraction: RuntimeFractionalPercent | null;
  /** False leaves the authority as it is; else `-shadow` is put behind its host. */
  readonly shadowSuffix: boolean;
  /** Authority of the copies; empty for that of the request. */
  readonly hostRewrite: string;
  /** One after the other. */
  readonly mutations: readonly HeaderMutations[];
}
