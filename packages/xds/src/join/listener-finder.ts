import type { ConfigSource, Listener, MeshError, Unwatch, Watcher } from '@inmesh/core';

/** Hears which listener answers for a target. */
export interface ListenerWatcher extends Watcher<Listener> {
  /** The feed has no say in calls to the target: they go where they would go without the mesh. */
  notInMesh(error: MeshError): void;
}

/** What a listener is looked for: HTTP calls, or streams of bytes, which another chain of it may take, or another listener. */
export type Traffic = 'calls' | 'bytes';

/** Finds the listener that answers for a target (host and port). How depends on the flavour of the feed. */
export interface ListenerFinder {
  /** Tells the listener, and again when another one answers; a resource error when none can be used. Default: for calls. */
  find(target: string, watcher: ListenerWatcher, traffic?: Traffic): Unwatch;
  /** Longer names that a short host stands for, best first; tried where the routes name the host nowhere. Default: none. */
  fullNames?(host: string): readonly string[];
}

/**
 * Asks the source for listeners by name, by all names at once: that one is not there is often known only by its resource
 * timer, and a call should not wait for that when another name has answered. The best name that is there wins.
 */
export function listenersByName(source: ConfigSource, namesOf: (target: string) => readonly string[]): ListenerFinder {
  return { find: (target, watcher) => new ByName(source, namesOf(target), watcher).stop };
}

interface Candidate {
  readonly name: string;
  listener: Listener | null;
  error: MeshError | null;
}

class ByName {
  readonly #watcher: ListenerWatcher;
  readonly #candidates: readonly Candidate[];
  readonly #unwatch: Unwatch[] = [];
  #telling = false;
  #everFound = false;
  #stopped = false;

  constructor(source: ConfigSource, names: readonly string[], watcher: ListenerWatcher) {
    this.#watcher = watcher;
    this.#candidates = names.map((name) => ({ name, listener: null, error: null }));
    for (const candidate of this.#candidates) this.#unwatch.push(this.#ask(source, candidate));
  }

  readonly stop: Unwatch = () => {
    this.#stopped = true;
    for (const unwatch of this.#unwatch) unwatch();
  };

  #ask(source: ConfigSource, candidate: Candidate): Unwatch {
    return source.watch('listener', candidate.name, {
      changed: (listener) => {
        candidate.listener = listener;
        candidate.error = null;
        this.#heard();
      },
      resourceError: (error) => {
        candidate.listener = null;
        candidate.error = error;
        this.#heard();
      },
      ambientError: (error) => {
        if (!this.#stopped) this.#watcher.ambientError(error);
      },
    });
  }

  /** Tells at once what nothing better can come for; else after this turn, in which the same response may bring the better one. */
  #heard(): void {
    if (this.#candidates[0]?.listener || this.#candidates.length === 1) {
      this.#tell();
    } else if (!this.#telling) {
      this.#telling = true;
      queueMicrotask(() => {
        this.#telling = false;
        this.#tell();
      });
    }
  }

  /** The best name that has a listener; the error of the best name once all are known to have none, a refusal before an absence. */
  #tell(): void {
    if (this.#stopped) return;
    const listener = this.#candidates.find((candidate) => candidate.listener !== null)?.listener;
    if (listener !== undefined && listener !== null) {
      this.#everFound = true;
      this.#watcher.changed(listener);
      return;
    }
    const errors = this.#candidates.map(({ error }) => error);
    if (errors.includes(null)) return;
    const error = errors.find((each) => each?.code === 'invalid_config') ?? errors[0];
    if (!error) return;
    // Only a verdict that there is none lets calls pass: a server that refused or was too slow must not turn them loose on plain
    // DNS. Nor does what was of the mesh once leave it by being removed: that may be a mistake, or a restart of the control plane.
    if (this.#everFound || error.code !== 'no_route') this.#watcher.resourceError(error);
    else this.#watcher.notInMesh(error);
  }
}
