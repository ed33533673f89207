import type { ConfigSource, Listener, MeshError, Unwatch, Watcher } from '@inmesh/core';

/** Finds the listener that answers for a target (host and port). How depends on the flavour of the feed. */
export interface ListenerFinder {
  /** Tells the listener, and again when another one answers; a resource error when none does. */
  find(target: string, watcher: Watcher<Listener>): Unwatch;
}

/** Asks the source for listeners by name: by the best name first, by the next once that one is known not to exist. */
export function listenersByName(source: ConfigSource, namesOf: (target: string) => readonly string[]): ListenerFinder {
  return { find: (target, watcher) => new ByName(source, namesOf(target), watcher).stop };
}

interface Candidate {
  readonly name: string;
  unwatch: Unwatch | null;
  listener: Listener | null;
  error: MeshError | null;
}

class ByName {
  readonly #source: ConfigSource;
  readonly #watcher: Watcher<Listener>;
  readonly #candidates: readonly Candidate[];
  #stopped = false;

  constructor(source: ConfigSource, names: readonly string[], watcher: Watcher<Listener>) {
    this.#source = source;
    this.#watcher = watcher;
    this.#candidates = names.map((name) => ({ name, unwatch: null, listener: null, error: null }));
    this.#ask(0);
  }

  readonly stop: Unwatch = () => {
    this.#stopped = true;
    for (const { unwatch } of this.#candidates) unwatch?.();
  };

  #ask(index: number): void {
    const candidate = this.#candidates[index];
    if (candidate === undefined || candidate.unwatch !== null || this.#stopped) return;
    candidate.unwatch = () => {};
    candidate.unwatch = this.#source.watch('listener', candidate.name, {
      changed: (listener) => {
        candidate.listener = listener;
        candidate.error = null;
        this.#tell();
      },
      resourceError: (error) => {
        candidate.listener = null;
        candidate.error = error;
        this.#ask(index + 1);
        this.#tell();
      },
      ambientError: (error) => {
        if (!this.#stopped) this.#watcher.ambientError(error);
      },
    });
  }

  /** The best name that has a listener; the error of the best name once all are known to have none. */
  #tell(): void {
    if (this.#stopped) return;
    const listener = this.#candidates.find((candidate) => candidate.listener !== null)?.listener;
    if (listener !== undefined && listener !== null) {
      this.#watcher.changed(listener);
      return;
    }
    const [first] = this.#candidates;
    if (first?.error && this.#candidates.every(({ error }) => error !== null)) this.#watcher.resourceError(first.error);
  }
}
