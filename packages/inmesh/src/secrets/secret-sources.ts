import { type ConfigSource, MeshError, type SdsSecretRef, type Secret, type Unwatch, type Watcher } from '@inmesh/core';
import { type IdentityProvider, identitySecrets, judgeSecret, type SecretWatcher, watchDirectory } from '@inmesh/mtls';
import { type AdsStatus, type Bootstrap, newDecoding, readSecretsFile } from '@inmesh/xds';
import { SdsServers, type SdsServersParts } from './sds-servers.ts';
import { sdsTargets } from './sds-targets.ts';
import { SecretFiles } from './secret-files.ts';

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
  readonly #files: SecretFiles;
  readonly #ofIdentity: ReturnType<typeof identitySecrets> | null;

  constructor(parts: SecretSourcesParts) {
    this.#parts = parts;
    this.#servers = new SdsServers({ ...parts, targets: sdsTargets(parts.node, parts.targets) });
    // Made with the first file: its rules are compiled then.
    let decoding: ReturnType<typeof newDecoding> | null = null;
    this.#files = new SecretFiles({
      read: (text, path) => {
        decoding ??= newDecoding({ judgeSecret });
        return readSecretsFile(decoding, text, path);
      },
      watchDirectory,
      clock: parts.clock,
    });
    this.#ofIdentity = parts.identity === null ? null : identitySecrets(parts.identity);
  }

  watch(ref: SdsSecretRef, watcher: SecretWatcher): Unwatch {
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
        return this.#files.watch(ref, source, watcher);
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
