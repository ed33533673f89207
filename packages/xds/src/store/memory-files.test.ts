// Files in memory, for the tests of this folder.
import type { StateFiles } from './state-files.ts';

/** A state directory in memory; a write of the asynchronous kind lands when `land` is called. */
export class MemoryFiles implements StateFiles {
  readonly files = new Map<string, Uint8Array>();
  /** Thrown by each access while set. */
  fault: Error | null = null;
  writes = 0;
  #landing: (() => void)[] = [];

  pathOf(name: string): string {
    return `/state/${name}`;
  }

  read(name: string): Uint8Array | null {
    if (this.fault !== null) throw this.fault;
    return this.files.get(name) ?? null;
  }

  write(name: string, bytes: Uint8Array, wanted: () => boolean): Promise<void> {
    this.writes++;
    if (this.fault !== null) return Promise.reject(this.fault);
    return new Promise((resolve) => {
      this.#landing.push(() => {
        if (wanted()) this.files.set(name, bytes);
        resolve();
      });
    });
  }

  writeNow(name: string, bytes: Uint8Array): void {
    this.writes++;
    if (this.fault !== null) throw this.fault;
    this.files.set(name, bytes);
  }

  /** Ends the writes that are under way. */
  async land(): Promise<void> {
    for (const land of this.#landing.splice(0)) land();
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** The one file's text. */
  get text(): string {
    const [bytes] = this.files.values();
    return Buffer.from(bytes ?? []).toString();
  }
}
