/** Hears of each change to what is wanted. */
export interface WantedFollower {
  onName(name: string, added: boolean): void;
  onWildcard(): void;
}

/** The names wanted of one resource type, whichever server is to give them. */
export class Wanted {
  readonly #names = new Set<string>();
  readonly #followers = new Set<WantedFollower>();
  #wildcard = false;

  get names(): ReadonlySet<string> {
    return this.#names;
  }

  /** All of the type is wanted; then names need not be told, and are there for when it is not any more. */
  get wildcard(): boolean {
    return this.#wildcard;
  }

  set wildcard(wildcard: boolean) {
    if (this.#wildcard === wildcard) return;
    this.#wildcard = wildcard;
    for (const follower of this.#followers) follower.onWildcard();
  }

  /** Anything is wanted. */
  get any(): boolean {
    return this.#wildcard || this.#names.size > 0;
  }

  /** False where the name was there already. */
  add(name: string): boolean {
    if (this.#names.has(name)) return false;
    this.#names.add(name);
    for (const follower of this.#followers) follower.onName(name, true);
    return true;
  }

  remove(name: string): void {
    if (!this.#names.delete(name)) return;
    for (const follower of this.#followers) follower.onName(name, false);
  }

  follow(follower: WantedFollower): void {
    this.#followers.add(follower);
  }

  leave(follower: WantedFollower): void {
    this.#followers.delete(follower);
  }
}
