import assert from 'node:assert/strict';
import type { Mesh } from 'inmesh';
import { request } from 'undici';

/** Callers that never rest, and never may fail. The calls they complete are what a fault's time is measured in. */
export class Load implements AsyncDisposable {
  completed = 0;
  /** The body of the last answer. */
  answer = '';
  readonly #failures: string[] = [];
  readonly #url: string;
  readonly #mesh: Mesh;
  readonly #callers: Promise<void>[];
  readonly #asked = new Set<() => void>();
  #over = false;

  constructor(mesh: Mesh, url: string, callers = 30) {
    this.#mesh = mesh;
    this.#url = url;
    this.#callers = Array.from({ length: callers }, () => this.#call());
  }

  /** Resolves when so many more calls were completed. */
  more(calls: number): Promise<void> {
    const until = this.completed + calls;
    return this.until(() => this.completed >= until, `${calls} more calls`, 60_000);
  }

  /** Resolves when a condition holds, which is asked for after each call. `withinMs`: the bound that is claimed. */
  async until(condition: () => boolean, what: string, withinMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const deadline = performance.now() + withinMs;
    const ask = (): void => {
      if (condition()) resolve();
      else if (performance.now() > deadline) reject(new Error(`not within ${withinMs} ms: ${what}`));
    };
    this.#asked.add(ask);
    ask();
    await promise.finally(() => this.#asked.delete(ask));
  }

  /** None of the calls has failed. */
  assertNoFailure(): void {
    assert.deepEqual(this.#failures.slice(0, 5), [], `${this.#failures.length} of ${this.completed} calls failed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all(this.#callers);
  }

  async #call(): Promise<void> {
    while (!this.#over) {
      try {
        const { statusCode, body } = await request(this.#url, { dispatcher: this.#mesh.dispatcher });
        this.answer = await body.text();
        if (statusCode !== 200) this.#failures.push(`${statusCode} ${this.answer}`);
      } catch (error) {
        this.#failures.push(String(error));
      }
      this.completed++;
      for (const ask of [...this.#asked]) ask();
    }
  }
}
