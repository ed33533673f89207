import type { ConfigSource, Kind, Model, Resolver, Unwatch, Watcher } from '../config-source.ts';
import { MeshError } from '../errors.ts';
import type { ClusterLoadAssignment } from '../model/endpoint.ts';

/** A control plane that says what the test says, to whoever watches then. */
export class ScriptedSource implements ConfigSource, Resolver {
  readonly #watchers = new Map<string, Set<Watcher<never>>>();

  watch<K extends Kind>(kind: K, name: string, watcher: Watcher<Model[K]>): Unwatch;
  watch(target: string, watcher: Watcher<ClusterLoadAssignment>): Unwatch;
  watch(...args: [string, string, Watcher<never>] | [string, Watcher<never>, ...unknown[]]): Unwatch {
    const [key, watcher] =
      typeof args[1] === 'string' ? [`${args[0]} ${args[1]}`, args[2] as Watcher<never>] : [`name ${args[0]}`, args[1]];
    const watchers = this.#watchers.get(key) ?? new Set();
    this.#watchers.set(key, watchers);
    watchers.add(watcher);
    return () => {
      watchers.delete(watcher);
      if (watchers.size === 0 && this.#watchers.get(key) === watchers) this.#watchers.delete(key);
    };
  }

  /** What is watched now, as `kind name`, and as `name target` for a resolver. */
  get watched(): string[] {
    return [...this.#watchers.keys()].sort();
  }

  say<K extends Kind>(kind: K, name: string, value: Model[K]): void {
    for (const watcher of this.#of(`${kind} ${name}`)) (watcher as Watcher<Model[K]>).changed(value);
  }

  /** The resource is no more. */
  lose(kind: Kind, name: string): void {
    for (const watcher of this.#of(`${kind} ${name}`)) {
      watcher.resourceError(new MeshError('invalid_config', `${kind} ${name} does not exist`));
    }
  }

  /** An update was rejected; the last version stays in force. */
  complain(kind: Kind, name: string): void {
    for (const watcher of this.#of(`${kind} ${name}`)) {
      watcher.ambientError(new MeshError('invalid_config', `${kind} ${name} was rejected`));
    }
  }

  resolve(target: string, value: ClusterLoadAssignment): void {
    for (const watcher of this.#of(`name ${target}`)) (watcher as Watcher<ClusterLoadAssignment>).changed(value);
  }

  failToResolve(target: string): void {
    for (const watcher of this.#of(`name ${target}`)) {
      watcher.ambientError(new MeshError('invalid_config', `${target} cannot be resolved`));
    }
  }

  #of(key: string): Watcher<never>[] {
    return [...(this.#watchers.get(key) ?? [])];
  }
}
