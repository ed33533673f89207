import type { Kind, Model } from '@inmesh/core';
import type { CacheHost } from './cache-host.ts';
import type { KnownResources } from './known-resources.ts';
import { MassRemovalGuard } from './mass-removal.ts';
import { reasonOf } from './reason.ts';
import { canonicalName } from './resource-name.ts';
import type { ResourceState } from './resource-state.ts';
import { decodeInSteps } from './resource-type.ts';
import type { Verdict } from './second-hand.ts';
import type { ServerProblem, UpdatedResource } from './stream.ts';
import { titleOf } from './wording.ts';

/** What became of one resource of a response. */
export interface Applied {
  /** Null where it could not be told. */
  readonly name: string | null;
  /** For the NACK; null where it was accepted. */
  readonly refusal: string | null;
}

/** Codes of gRPC by which a server says that a resource is not for us: NOT_FOUND and PERMISSION_DENIED (gRFC A88). */
const dataErrorCodes: ReadonlySet<number> = new Set([5, 7]);

/** What responses of one type do to what is known. */
export class Intake<K extends Kind> {
  readonly #known: KnownResources<K>;
  readonly #host: CacheHost;
  readonly #isLeaving: (name: string) => boolean;
  readonly #guard: MassRemovalGuard<K> | null;

  /** `isLeaving`: nobody wants the name any more, and the server is still to be told. */
  constructor(known: KnownResources<K>, host: CacheHost, isLeaving: (name: string) => boolean) {
    this.#known = known;
    this.#host = host;
    this.#isLeaving = isLeaving;
    const { massRemoval } = host;
    // Never of listeners, of which a filter may be what keeps somebody out, nor of secrets.
    this.#guard =
      massRemoval === null || known.type.kind !== 'cluster'
        ? null
        : new MassRemovalGuard(known, host, massRemoval, (state) => this.#removeNow(state));
  }

  close(): void {
    this.#guard?.close();
  }

  /** Takes one resource of a response, in steps. Whatever is wrong with it stays with it. `complete`: of a response of the state-of-the-world variant. */
  *apply(resource: UpdatedResource, complete: boolean): Generator<undefined, Applied, undefined> {
    const { bytes } = resource;
    const { type, stats } = this.#known;
    this.#known.deltaVersions = !complete;
    if (resource.problem !== null) return { name: resource.name, refusal: `a resource: ${resource.problem}` };
    const name = this.#nameOf(resource);
    const state = name === null ? undefined : this.#known.get(name);
    if (bytes === null) {
      if (state?.bytes != null) this.#known.live(state, resource.ttlMs);
      return { name, refusal: null };
    }
    if (resource.typeUrl !== type.typeUrl) {
      const refusal = `${this.#title(name)}: it is a "${resource.typeUrl}" in a response of "${type.typeUrl}"`;
      return { name, refusal };
    }
    if (state?.bytes != null && Buffer.compare(state.bytes, bytes) === 0) {
      this.#known.confirm(state, resource);
      return { name, refusal: null };
    }
    if (state?.refused?.bytes != null && Buffer.compare(state.refused.bytes, bytes) === 0) {
      stats.resource_updates_invalid++;
      return { name, refusal: `${this.#title(name)}: ${state.refused.reason}` };
    }
    return yield* this.#applyNew(name, resource, new Uint8Array(bytes));
  }

  /** The server says that it has no such resources, or no more. */
  *remove(names: readonly string[]): Generator<undefined, void, undefined> {
    const gone: ResourceState<Model[K]>[] = [];
    for (const name of new Set(names.map(canonicalName))) {
      const state = this.#known.get(name);
      if (state !== undefined && !this.#outranks(state)) gone.push(state);
    }
    yield* this.#removeAll(gone);
  }

  /**
   * Ends a response with the state of the world: of a type with full state, what was there and is not any more was
   * removed. What never came may only be late, where it was asked for by name: this response may answer an earlier
   * request, so its timer decides.
   */
  *removeOthers(present: ReadonlySet<string>): Generator<undefined, void, undefined> {
    const { type, all } = this.#known;
    if (!type.fullState) return;
    const gone: ResourceState<Model[K]>[] = [];
    for (const state of this.#known.list()) {
      if (present.has(state.name) || this.#outranks(state)) continue;
      // What is only remembered never came, either.
      const came = state.bytes !== null && (!state.remembered || all.active);
      if (came || state.refused !== null) gone.push(state);
      else if (all.active && state.unknown) this.#known.notAmongAll(state);
    }
    yield* this.#removeAll(gone);
  }

  /** The server says why it does not send a resource. */
  hearProblem({ name, code, message }: ServerProblem): void {
    const state = this.#known.get(canonicalName(name));
    if (state === undefined) return;
    const isDataError = dataErrorCodes.has(code);
    const told = `the control plane answered with status ${code}${message === '' ? '' : `: ${message}`}`;
    this.#known.answered(state);
    if (isDataError && this.#host.features.failOnDataErrors) this.#known.dropValue(state);
    const failure = isDataError ? this.#known.type.absentCode : 'connection_failure';
    this.#known.trouble(state, 'RECEIVED_ERROR', failure, told);
  }

  /** Somebody who had the resource from the control plane says what is wrong with it. */
  hearVerdict(verdict: Verdict): void {
    const state = this.#known.get(verdict.name);
    if (state !== undefined) this.#known.judge(state, verdict);
  }

  /** All of a response was applied. */
  endResponse(): void {
    const { all, timers } = this.#known;
    if (!all.active) return;
    timers.settleAll();
    if (!all.settled) {
      all.settled = true;
      for (const state of this.#known.list()) if (state.unknown) this.#known.notAmongAll(state);
    }
    all.tell((watcher) => watcher.settled());
  }

  *#applyNew(
    hint: string | null,
    resource: UpdatedResource,
    bytes: Uint8Array,
  ): Generator<undefined, Applied, undefined> {
    const { type, stats } = this.#known;
    let name = hint;
    let value: Model[K];
    try {
      const decoded = yield* decodeInSteps(type, bytes, this.#host.context);
      name ??= canonicalName(decoded.name);
      value = decoded.value;
    } catch (error) {
      stats.resource_updates_invalid++;
      const state = name === null ? null : this.#known.forUpdate(name);
      if (state !== null) this.#known.refuse(state, resource.version, bytes, error);
      return { name, refusal: `${this.#title(name)}: ${reasonOf(error)}` };
    }
    stats.resource_updates_valid++;
    const state = this.#known.forUpdate(name);
    if (state !== null) this.#known.accept(state, resource, bytes, value);
    return { name, refusal: null };
  }

  *#removeAll(gone: readonly ResourceState<Model[K]>[]): Generator<undefined, void, undefined> {
    for (const state of this.#guard?.admit(gone) ?? gone) {
      // Watchers of those before may have let go of it.
      if (this.#known.get(state.name) === state) this.#removeNow(state);
      yield;
    }
  }

  #removeNow(state: ResourceState<Model[K]>): void {
    const { ignoreResourceDeletion, failOnDataErrors } = this.#host.features;
    const { type, all } = this.#known;
    const used = state.seats.size > 0 || all.active;
    if (used && state.bytes !== null && type.fullState && ignoreResourceDeletion && !failOnDataErrors) {
      if (state.trouble?.state === 'ACKED') return;
      state.refused = null;
      this.#known.touch(state);
      const message = 'the control plane removed it; it stays in force, as ignore_resource_deletion asks';
      this.#known.trouble(state, 'ACKED', type.absentCode, message);
    } else if (state.seats.size === 0 && !this.#isLeaving(state.name)) {
      this.#known.delete(state);
    } else {
      this.#known.answered(state);
      this.#known.becomeAbsent(state, 'the control plane removed it');
    }
  }

  /** A better server than the one in force gave it: until that one gives another, it stays, whatever it has not got. */
  #outranks(state: ResourceState<Model[K]>): boolean {
    return state.bytes !== null && !state.remembered && state.priority < this.#host.priority;
  }

  /** As the wrapper or the content has it; or an alias, where only that one is watched. */
  #nameOf({ name, aliases, bytes }: UpdatedResource): string | null {
    const written = name ?? (bytes === null ? null : this.#known.type.nameOf(bytes));
    const own = written === null ? null : canonicalName(written);
    if (aliases.length === 0 || (own !== null && this.#known.get(own) !== undefined)) return own;
    return aliases.map(canonicalName).find((alias) => this.#known.get(alias) !== undefined) ?? own;
  }

  #title(name: string | null): string {
    return titleOf(this.#known.type.kind, name);
  }
}
