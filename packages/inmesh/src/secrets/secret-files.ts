import { type Clock, MeshError, type SdsSecretRef, type Secret, type Unwatch, type Watcher } from '@inmesh/core';
import { FollowedFiles, type WatchDirectory } from '@inmesh/mtls';

/** Milliseconds between two looks at a file where the system tells of no change. */
const REFRESH_MS = 30_000;

export interface SecretFilesParts {
  /** The secrets in a file; throws where it holds none. */
  readonly read: (text: string, path: string) => readonly Secret[];
  readonly watchDirectory: WatchDirectory;
  readonly clock: Clock;
}

/** Secrets in files that stand in the place of a server of SDS, read again when they change. (`path_config_source`) */
export class SecretFiles {
  readonly #parts: SecretFilesParts;

  constructor(parts: SecretFilesParts) {
    this.#parts = parts;
  }

  watch(
    { name }: Pick<SdsSecretRef, 'name'>,
    { path, watchedDirectory }: { readonly path: string; readonly watchedDirectory: string | null },
    watcher: Watcher<Secret>,
  ): Unwatch {
    const { read, watchDirectory, clock } = this.#parts;
    let known = false;
    const directories = watchedDirectory === null ? [] : [watchedDirectory];
    const files = new FollowedFiles(
      { files: [path], directories, refreshMs: REFRESH_MS, clock, watchDirectory },
      {
        read: (contents) => {
          const secret = read(`${contents.get(path)}`, path).find((each) => each.name === name);
          if (secret === undefined) throw new Error(`${path} has no secret "${name}"`);
          known = true;
          watcher.changed(secret);
        },
        failed: ({ message }) => {
          const error = new MeshError('connection_failure', message, { resource: `secret "${name}"` });
          if (known) watcher.ambientError(error);
          else watcher.resourceError(error);
        },
        recovered: () => {},
      },
    );
    return () => files.end();
  }
}
