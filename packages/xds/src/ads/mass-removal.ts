import type { Kind, Model, Timer } from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { KnownResources } from './known-resources.ts';
import type { ResourceState, Trouble } from './resource-state.ts';

/** When the removal of many clusters at once is not believed at first. */
export interface MassRemovalOptions {
  /** Held where more than this share of all clusters is gone. Default 0.5: no deployment takes half a mesh away at once. */
  readonly share?: number;
  /** And at least so many. Default 5: of a handful, most may well go together. */
  readonly minimum?: number;
  /** Milliseconds for which they stay in force. Default 60,000: a control plane that was started again has told everything by then. */
  readonly holdMs?: number;
}

/**
 * Holds back removals that look like a mishap: a control plane that is starting can send a part of its clusters as if that were all.
 * What is held stays in force, with its endpoints, and its watchers hear an ambient error; when the time is over it goes, unless it
 * came again. Nothing goes while the control plane is away.
 */
export class MassRemovalGuard<K extends Kind> {
  readonly #known: KnownResources<K>;
  readonly #host: Pick<CacheHost, 'clock' | 'connected' | 'context' | 'onError'>;
  readonly #options: Required<MassRemovalOptions>;
  readonly #remove: (state: ResourceState<Model[K]>) => void;
  /** What is held, by the trouble that says so: another trouble, or none, means that it was heard of since. */
  readonly #held = new Map<ResourceState<Model[K]>, Trouble>();
  #timer: Timer | null = null;

  /** `remove`: does what the control plane said. */
  constructor(
    known: KnownResources<K>,
    host: Pick<CacheHost, 'clock' | 'connected' | 'context' | 'onError'>,
    { share = 0.5, minimum = 5, holdMs = 60_000 }: MassRemovalOptions,
    remove: (state: ResourceState<Model[K]>) => void,
  ) {
    this.#known = known;
    this.#host = host;
    this.#options = { share, minimum, holdMs };
    this.#remove = remove;
  }

  /** Of what is gone by one response, what is to go at once. */
  admit(gone: readonly ResourceState<Model[K]>[]): readonly ResourceState<Model[K]>[] {
    this.#forgetHeard();
    const fresh = gone.filter((state) => !this.#held.has(state));
    const holdable = fresh.filter((state) => state.bytes !== null && !state.remembered);
    let all = 0;
    for (const { bytes, remembered } of this.#known.values()) if (bytes !== null && !remembered) all++;
    const missing = holdable.length + this.#held.size;
    const { share, minimum } = this.#options;
    if (holdable.length === 0 || missing < minimum || missing <= share * all) return fresh;
    this.#hold(holdable, missing, all);
    return fresh.filter((state) => !holdable.includes(state));
  }

  /** Forgets what is held, as it is. */
  close(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#held.clear();
  }

  #hold(states: readonly ResourceState<Model[K]>[], missing: number, all: number): void {
    const { kind, absentCode } = this.#known.type;
    const { holdMs } = this.#options;
    const told = `the control plane removed ${missing} of ${all} ${kind}s at once; they stay in force for ${holdMs} ms`;
    this.#host.onError(
      new Error(`${told}, as massRemoval asks (node ${this.#host.context.nodeId}, ${this.#host.context.controlPlane})`),
    );
    for (const state of states) {
      this.#known.touch(state);
      this.#known.trouble(state, 'ACKED', absentCode, told);
      if (state.trouble !== null) this.#held.set(state, state.trouble);
    }
    this.#timer ??= this.#start();
  }

  #start(): Timer {
    return this.#host.clock.setTimer(this.#options.holdMs, () => this.#release(), { unref: true });
  }

  #release(): void {
    this.#timer = null;
    this.#forgetHeard();
    if (this.#held.size === 0) return;
    if (!this.#host.connected) {
      this.#timer = this.#start();
      return;
    }
    const over = [...this.#held.keys()];
    this.#held.clear();
    for (const state of over) this.#remove(state);
  }

  /** What came again, was refused or is not there any more, is no longer ours to hold. */
  #forgetHeard(): void {
    for (const [state, trouble] of this.#held) {
      if (state.trouble !== trouble || this.#known.get(state.name) !== state) this.#held.delete(state);
    }
  }
}
