import type { ConfigSource, Listener, MeshError, Unwatch, Watcher } from '@inmesh/core';

/** Finds the listener that answers for a target (host and port). How depends on the flavour of the feed. */
export interface ListenerFinder {
  /** Tells the listener, and again when another one answers; a resource error when none does. */
  find(target: string, watcher: Watcher<Listener>): Unwatch;
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
  readonly #watcher: Watcher<Listener>;
  readonly #candidates: readonly Candidate[];
  readonly #unwatch: Unwatch[] = [];
  #telling = false;
  #stopped = false;

  constructor(source: ConfigSource, names: readonly string[], watcher: Watcher<Listener>) {
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
      this.#watcher.changed(listener);
      return;
    }
    const errors = this.#candidates.map(({ error }) => error);
    if (errors.includes(null)) return;
    const error = errors.find((each) => each?.code === 'invalid_config') ?? errors[0];
    if (error) this.#watcher.resourceError(error);
  }
}
