import { type FSWatcher, statSync, watch } from 'node:fs';
import { outsideContext } from '@inmesh/core';

/** Tells of what happens in a directory until it is ended. It may miss things: whoever needs to know looks from time to time. */
export interface DirectoryWatch {
  /** Begins again where the directory was not there, or another one has its name now. */
  renew(): void;
  end(): void;
}

export type WatchDirectory = (directory: string, changed: () => void) => DirectoryWatch;

/** By the notices of the system, which network filesystems give none of. */
export const watchDirectory: WatchDirectory = (directory, changed) => new SystemWatch(directory, changed);

class SystemWatch implements DirectoryWatch {
  readonly #directory: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | null = null;
  #inode: bigint | null = null;

  constructor(directory: string, changed: () => void) {
    this.#directory = directory;
    this.#changed = changed;
    this.renew();
  }

  renew(): void {
    const inode = inodeOf(this.#directory);
    if (this.#watcher !== null && inode === this.#inode) return;
    this.end();
    this.#inode = inode;
    if (inode === null) return;
    try {
      const watcher = outsideContext(() => watch(this.#directory, { persistent: false }, this.#changed));
      watcher.on('error', () => this.end());
      this.#watcher = watcher;
    } catch {
      // Gone in the meantime, or the system has no more watches to give: looking from time to time has to do.
    }
  }

  end(): void {
    this.#watcher?.close();
    this.#watcher = null;
  }
}

function inodeOf(directory: string): bigint | null {
  return statSync(directory, { bigint: true, throwIfNoEntry: false })?.ino ?? null;
}
