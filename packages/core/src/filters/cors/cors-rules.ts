import { compileString, type StringTest } from '../../match/string-match.ts';
import type { CorsPolicy } from '../../model/cors.ts';
import type { RuntimeFractionalPercent } from '../../model/runtime.ts';
import type { RegexEngine } from '../../util/regex.ts';

/** What some policies come to: each field is that of the most specific one which says anything of it. */
export class CorsRules {
  readonly allowMethods: string;
  readonly allowHeaders: string;
  readonly exposeHeaders: string;
  readonly maxAge: string;
  readonly allowCredentials: boolean;
  readonly allowPrivateNetworkAccess: boolean;
  readonly forwardNotMatchingPreflights: boolean;
  /** Only the most specific one says whether the policies hold. */
  readonly filterEnabled: RuntimeFractionalPercent | null;
  readonly shadowEnabled: RuntimeFractionalPercent | null;
  readonly #origins: readonly StringTest[];

  /** `policies`: the most specific first; at least one. */
  constructor(policies: readonly [CorsPolicy, ...CorsPolicy[]], regex: RegexEngine) {
    const text = (of: (policy: CorsPolicy) => string) => policies.map(of).find((value) => value !== '') ?? '';
    const flag = (of: (policy: CorsPolicy) => boolean | null) => policies.map(of).find((value) => value !== null);
    this.allowMethods = text((policy) => policy.allowMethods);
    this.allowHeaders = text((policy) => policy.allowHeaders);
    this.exposeHeaders = text((policy) => policy.exposeHeaders);
    this.maxAge = text((policy) => policy.maxAge);
    this.allowCredentials = flag((policy) => policy.allowCredentials) ?? false;
    this.allowPrivateNetworkAccess = flag((policy) => policy.allowPrivateNetworkAccess) ?? false;
    this.forwardNotMatchingPreflights = flag((policy) => policy.forwardNotMatchingPreflights) ?? true;
    this.filterEnabled = policies[0].filterEnabled;
    this.shadowEnabled = policies[0].shadowEnabled;
    const origins = policies.find(({ allowOrigins }) => allowOrigins.length > 0)?.allowOrigins ?? [];
    this.#origins = origins.map((match) => compileString(match, regex));
  }

  /** A matcher that `*` matches allows all. */
  allows(origin: string): boolean {
    return this.#origins.some((matches) => matches('*') || matches(origin));
  }
}
