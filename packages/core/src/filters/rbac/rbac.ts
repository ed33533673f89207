import { MeshError } from '../../errors.ts';
import {
  count,
  type FilterCallbacks,
  type FilterEnvironment,
  type FilterFactory,
  type FilterType,
  type HttpFilter,
} from '../filter.ts';
import { addMetadata, type MetadataStruct } from '../metadata.ts';
import { failure } from '../reply.ts';
import type { RbacConfig } from './config.ts';
import { type CompiledRbac, compileRbac, type RbacDecision } from './rules.ts';

/** Where other filters and logs read what was decided. */
const NAMESPACE = 'envoy.filters.http.rbac';

/** Allows calls or refuses them by what they say. (envoy.filters.http.rbac) */
export const rbac: FilterType<RbacConfig> = {
  compile(config, overrides, environment) {
    const settings = overrides.at(-1) ?? config;
    return settings.enforced === null && settings.shadow === null ? null : new Rbac(settings, environment);
  },
};

class Rbac implements FilterFactory, HttpFilter {
  readonly #config: RbacConfig;
  readonly #environment: FilterEnvironment;
  readonly #enforced: CompiledRbac | null;
  readonly #shadow: CompiledRbac | null;

  constructor(config: RbacConfig, environment: FilterEnvironment) {
    this.#config = config;
    this.#environment = environment;
    this.#enforced = config.enforced === null ? null : compileRbac(config.enforced, environment);
    this.#shadow = config.shadow === null ? null : compileRbac(config.shadow, environment);
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders(callbacks: FilterCallbacks): void {
    const { call } = callbacks;
    const { rulesStatPrefix, shadowRulesStatPrefix } = this.#config;
    const shadow = this.#shadow?.(call) ?? null;
    if (shadow !== null) {
      this.#count(shadow, shadowRulesStatPrefix, 'shadow_');
      addMetadata(call, NAMESPACE, told(shadow, `${shadowRulesStatPrefix}shadow_`));
    }
    const decision = this.#enforced?.(call) ?? null;
    if (decision === null) return;
    if (decision.log !== null) addMetadata(call, 'envoy.common', { access_log_hint: decision.log });
    this.#count(decision, rulesStatPrefix, '');
    addMetadata(call, NAMESPACE, told(decision, `${rulesStatPrefix}enforced_`));
    if (decision.allowed) return;
    // Logs are cut at blanks.
    const policy = decision.policy === '' ? 'none' : decision.policy.replace(/[ \t\f\v\n\r]/g, '_');
    const why = decision.policy === '' ? 'no policy allows it' : `policy "${decision.policy}" denies it`;
    const error = new MeshError('access_denied', `${call.head.method} ${call.head.path}: ${why}`, {
      details: `rbac_access_denied_matched_policy[${policy}]`,
      ...(call.route === null ? {} : { route: call.route.label }),
    });
    callbacks.reply(failure(error));
  }

  #count({ allowed, policy }: RbacDecision, rulesPrefix: string, kind: '' | 'shadow_'): void {
    const { stats, statPrefix } = this.#environment;
    const prefix = `http.${statPrefix}.rbac.${rulesPrefix === '' ? '' : `${rulesPrefix.replace(/\.$/, '')}.`}`;
    const verdict = `${kind}${allowed ? 'allowed' : 'denied'}`;
    count(stats, prefix + verdict);
    if (this.#config.perRule && policy !== '') count(stats, `${prefix}policy.${policy}.${verdict}`);
  }
}

function told({ allowed, policy }: RbacDecision, prefix: string): MetadataStruct {
  return {
    ...(policy === '' ? {} : { [`${prefix}effective_policy_id`]: policy }),
    [`${prefix}engine_result`]: allowed ? 'allowed' : 'denied',
  };
}
