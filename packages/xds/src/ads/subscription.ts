/** Whoever wants the names. */
export interface SubscriptionHolder {
  /** The names went to the server: the changes since the last time, true for added. */
  onSent(changes: ReadonlyMap<string, boolean>): void;
  held(): Iterable<readonly [name: string, version: string]>;
}

/** The names wanted of one resource type, and what of that the server does not know yet. */
export class Subscription {
  readonly typeUrl: string;
  /** `version_info` of the last response of this type that was accepted; empty for none. Outlives the stream. */
  version = '';
  readonly #names = new Set<string>();
  /** Not sent yet: true for added, false for removed. What is added and removed between two requests is no change. */
  readonly #changes = new Map<string, boolean>();
  readonly #holder: SubscriptionHolder;
  #wildcard = false;
  #wildcardChanged = false;

  constructor(typeUrl: string, holder: SubscriptionHolder) {
    this.typeUrl = typeUrl;
    this.#holder = holder;
  }

  /** All of the type is wanted; then names need not be told, and are there for when it is not any more. */
  get wildcard(): boolean {
    return this.#wildcard;
  }

  set wildcard(wildcard: boolean) {
    if (this.#wildcard === wildcard) return;
    this.#wildcard = wildcard;
    this.#wildcardChanged = !this.#wildcardChanged;
  }

  /** Anything is wanted. */
  get wanted(): boolean {
    return this.#wildcard || this.#names.size > 0;
  }

  /** What is in force, with the versions that a delta server gave: what a new stream begins with. */
  get held(): Iterable<readonly [name: string, version: string]> {
    return this.#holder.held();
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** There is something to tell the server. */
  get changed(): boolean {
    return this.#changes.size > 0 || this.#wildcardChanged;
  }

  isChanging(name: string): boolean {
    return this.#changes.has(name);
  }

  /** False where the name was there already. */
  add(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    this.#note(name, true);
    return true;
  }

  remove(name: string): void {
    if (this.#names.delete(name)) this.#note(name, false);
  }

  /** Called by a stream when it has sent the names. */
  sent(): void {
    const changes = new Map(this.#changes);
    this.#changes.clear();
    this.#wildcardChanged = false;
    this.#holder.onSent(changes);
  }

  #note(name: string, added: boolean): void {
    if (!this.#changes.delete(name)) this.#changes.set(name, added);
  }
}
