/** The names wanted of one resource type, and what of that the server does not know yet. */
export class Subscription {
  readonly typeUrl: string;
  /** `version_info` of the last response of this type that was accepted; empty for none. Outlives the stream. */
  version = '';
  readonly #names = new Set<string>();
  /** Not sent yet: true for added, false for removed. What is added and removed between two requests is no change. */
  readonly #changes = new Map<string, boolean>();
  readonly #onSent: (changes: ReadonlyMap<string, boolean>) => void;

  /** `onSent` hears each time that the names went to the server: the changes since the last time, true for added. */
  constructor(typeUrl: string, onSent: (changes: ReadonlyMap<string, boolean>) => void) {
    this.typeUrl = typeUrl;
    this.#onSent = onSent;
  }

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** There is something to tell the server. */
  get changed(): boolean {
    return this.#changes.size > 0;
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
    this.#onSent(changes);
  }

  #note(name: string, added: boolean): void {
    if (!this.#changes.delete(name)) this.#changes.set(name, added);
  }
}
