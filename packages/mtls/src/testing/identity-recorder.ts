import type { MeshError, Unwatch, Watcher } from '@inmesh/core';
import type { Identity, IdentityProvider } from '../identity.ts';

/** What a watcher was told, in order. */
export type IdentityNews =
  | { readonly kind: 'changed'; readonly identity: Identity }
  | { readonly kind: 'resourceError' | 'ambientError'; readonly error: MeshError }
  | { readonly kind: 'recovered' };

const DEADLINE_MS = 10_000;
const LOOK_EVERY_MS = 5;

/** Writes down what a provider tells, and waits for it. */
export class IdentityRecorder implements Watcher<Identity> {
  readonly news: IdentityNews[] = [];
  readonly #pass: () => void;

  /** `pass` lets time go by for the provider, where its clock stands still otherwise. */
  constructor(pass: () => void = () => undefined) {
    this.#pass = pass;
  }

  watching(provider: IdentityProvider): Unwatch {
    return provider.watch(this);
  }

  /** The last identity that was told. */
  get identity(): Identity | null {
    const last = this.news.findLast((each) => each.kind === 'changed');
    return last?.identity ?? null;
  }

  count(kind: IdentityNews['kind']): number {
    return this.news.filter((each) => each.kind === kind).length;
  }

  /** Until it is so. */
  async until(what: string, holds: () => boolean): Promise<void> {
    for (const deadline = Date.now() + DEADLINE_MS; !holds(); ) {
      if (Date.now() > deadline) throw new Error(`not within ${DEADLINE_MS} ms: ${what}; news: ${this.#told()}`);
      this.#pass();
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** The identity told after this moment. */
  async next(act: () => void | Promise<void>): Promise<Identity> {
    const before = this.count('changed');
    await act();
    await this.until('a further identity', () => this.count('changed') > before);
    return this.identity!;
  }

  changed(identity: Identity): void {
    this.news.push({ kind: 'changed', identity });
  }

  resourceError(error: MeshError): void {
    this.news.push({ kind: 'resourceError', error });
  }

  ambientError(error: MeshError): void {
    this.news.push({ kind: 'ambientError', error });
  }

  recovered(): void {
    this.news.push({ kind: 'recovered' });
  }

  #told(): string {
    return this.news.map((each) => ('error' in each ? `${each.kind} ${each.error.message}` : each.kind)).join('; ');
  }
}
