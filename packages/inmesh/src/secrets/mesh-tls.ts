import type { Clock, ConfigSource, Random, RegexEngine } from '@inmesh/core';
import { certificateGauges, type IdentityProvider, TlsContexts } from '@inmesh/mtls';
import type { Bootstrap, NodeIdentity } from '@inmesh/xds';
import { certificateProviders } from './certificate-providers.ts';
import type { SdsTargets } from './sds-targets.ts';
import { SecretSources } from './secret-sources.ts';

export interface MeshTlsParts {
  readonly bootstrap: Bootstrap;
  /** Who this process is to servers of secrets. */
  readonly node: NodeIdentity;
  /** Null where all configuration is static. */
  readonly feed: ConfigSource | null;
  /** Null: an agent is asked. */
  readonly identity: IdentityProvider | null;
  readonly sdsTargets: SdsTargets;
  readonly regex: RegexEngine;
  readonly clock: Clock;
  readonly random: Random;
  readonly onWarning: (warning: Error) => void;
}

/** Who the mesh is to its peers, and whom it trusts: the TLS of its connections, and where the secrets for it come from. */
export class MeshTls {
  readonly contexts: TlsContexts;
  readonly secrets: SecretSources;
  readonly #clock: Clock;

  constructor(parts: MeshTlsParts) {
    const { bootstrap, node, feed, identity, sdsTargets: targets, regex, clock, random, onWarning } = parts;
    const providers = certificateProviders(bootstrap, { clock, onWarning });
    const secrets = new SecretSources({
      bootstrap,
      node,
      targets,
      feed,
      identity: identity ?? filesOfAgent(bootstrap, providers, targets),
      clock,
      random,
      onError: onWarning,
    });
    this.secrets = secrets;
    this.#clock = clock;
    this.contexts = new TlsContexts({
      watchSecret: (ref, watcher) => secrets.watch(ref, watcher),
      providers,
      regex,
      clock,
      onWarning,
    });
  }

  gauges(): { readonly [gauge: string]: number } {
    return certificateGauges(this.contexts.certificates(), this.#clock.wallNow());
  }

  close(): void {
    this.secrets.close();
  }
}

/** The instance that an istio-agent's bootstrap for gRPC has. */
const AGENTS_INSTANCE = 'default';

/** An istio-agent without an Envoy serves no secrets: what it would serve is in the files that its bootstrap names. */
function filesOfAgent(
  { format }: Bootstrap,
  providers: ReadonlyMap<string, IdentityProvider>,
  targets: SdsTargets,
): IdentityProvider | null {
  if (format !== 'grpc' || Object.hasOwn(targets, 'sds-grpc')) return null;
  return providers.get(AGENTS_INSTANCE) ?? null;
}
