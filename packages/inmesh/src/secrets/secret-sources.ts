import { type ConfigSource, MeshError, type SdsSecretRef, type Secret, type Unwatch, type Watcher } from '@inmesh/core';
import { type IdentityProvider, identitySecrets } from '@inmesh/mtls';
import type { AdsStatus, Bootstrap } from '@inmesh/xds';

import { SdsServers, type SdsServersParts } from './sds-servers.ts';
import { sdsTargets } from './sds-targets.ts';

export interface SecretSourcesParts extends Omit<SdsServersParts, 'bootstrap'> {
  readonly bootstrap: Pick<Bootstrap, 'origin' | 'grpcClusters' | 'staticSource'>;
  /** Null where all configuration is static. */
  readonly feed: ConfigSource | null;
  /** Answers in the place of an istio-agent; null for none. */
  readonly identity: IdentityProvider | null;
}

/** The cluster of the istio-agent. */
const AGENT = 'sds-grpc';

/** All secrets of a mesh, wherever a reference says that they are. */
export class SecretSources {
  readonly #parts: SecretSourcesParts;
  readonly #servers: SdsServers;
  readonly #ofIdentity: ReturnType<typeof identitySecrets> | null;

  constructor(parts: SecretSourcesParts) {
    this.#parts = parts;
    this.#servers = new SdsServers({ ...parts, targets: sdsTargets(parts.node, parts.targets) });
    this.#ofIdentity = parts.identity === null ? null : identitySecrets(parts.identity);
  }

  watch(ref: SdsSecretRef, watcher: Watcher<Secret>): Unwatch {
    const { source, name } = ref;
    const { feed, bootstrap } = this.#parts;
    switch (source.kind) {
      case 'static':
        if (bootstrap.staticSource !== null) return bootstrap.staticSource.watch('secret', name, watcher);
        return refuse(ref, watcher, `${bootstrap.origin} has no static secrets: add it to static_resources.secrets`);
      case 'ads':
        if (feed !== null) return feed.watch('secret', name, watcher);
        return refuse(ref, watcher, `it is to come over ADS, and ${bootstrap.origin} names no control plane`);
      case 'grpc':
        if (source.clusterName === AGENT && this.#ofIdentity !== null) return this.#ofIdentity(name, watcher);
        return this.#servers.watch(ref, watcher);
      case 'google_grpc':
        return this.#servers.watch(ref, watcher);
      case 'path':
        return refuse(
          ref,
          watcher,
          `it is in ${source.path}, and files of secrets are not read: name those of the certificate`,
        );
    }
  }

  /** The streams to servers of secrets, without what is secret of what came over them. */
  status(): AdsStatus[] {
    return this.#servers.status();
  }

  close(): void {
    this.#servers.close();
  }
}

function refuse({ name }: SdsSecretRef, watcher: Watcher<Secret>, why: string): Unwatch {
  watcher.resourceError(new MeshError('connection_failure', why, { resource: `secret "${name}"` }));
  return () => {};
}
