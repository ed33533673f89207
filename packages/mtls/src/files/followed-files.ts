import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock, Timer } from '@inmesh/core';
import type { DirectoryWatch, WatchDirectory } from './watch-directory.ts';

/** Milliseconds from a notice to the look: what is written in one go is seen in one. */
const COALESCE_MS = 10;
/** Milliseconds to the first further look at what may have been seen half-way; doubles from look to look. */
const LOOK_AGAIN_MS = 50;
/** Milliseconds that bad files may take to become good ones, before anybody hears of it: chain and key are renewed one after the other. */
export const HALF_WAY_MS = 1_000;

export interface FollowedFilesOptions {
  readonly files: readonly string[];
  /** Watched besides the directories of the files, such as the one whose link Kubernetes swaps. */
  readonly directories: readonly string[];
  /** Milliseconds between two looks where no notice comes. */
  readonly refreshMs: number;
  readonly clock: Clock;
  readonly watchDirectory: WatchDirectory;
}

/** The content of the files by path, as of one look. */
export type FileContents = ReadonlyMap<string, Buffer>;

/** What is done with the files. */
export interface FileReader {
  /** They are there, and other than before. Throws for what is of no use; it is asked again soon, because it may have been seen half-way. */
  read(contents: FileContents): void;
  /** They have been of no use, or not there, for a while. Told once for each such content; what was read last is as good as ever. */
  failed(error: Error): void;
  /** The files are again what was read last. */
  recovered(): void;
}

/**
 * Reads files that belong together, now and whenever they change, until `end`. Files are read without waiting, because they
 * are small, and because less happens to them between the first and the last.
 */
export class FollowedFiles {
  readonly #options: FollowedFilesOptions;
  readonly #reader: FileReader;
  readonly #watches: readonly DirectoryWatch[];
  /** Digest of what was read last and was of use; null for none. */
  #good: string | null = null;
  /** Digest of what `failed` was told of last. */
  #told: string | null = null;
  #badSince: number | null = null;
  #lookAgainMs = LOOK_AGAIN_MS;
  #soon: Timer | null = null;
  #soonAt = 0;
  #regular: Timer | null = null;
  #ended = false;

  /** The first look is made before it returns. */
  constructor(options: FollowedFilesOptions, reader: FileReader) {
    this.#options = options;
    this.#reader = reader;
    const directories = new Set([...options.files.map(dirname), ...options.directories]);
    this.#watches = [...directories].map((each) => options.watchDirectory(each, () => this.#lookIn(COALESCE_MS)));
    this.#look();
    this.#lookRegularly();
  }

  end(): void {
    this.#ended = true;
    this.#soon?.cancel();
    this.#regular?.cancel();
    for (const watch of this.#watches) watch.end();
  }

  #lookRegularly(): void {
    if (this.#ended) return;
    const { clock, refreshMs } = this.#options;
    this.#regular = clock.setTimer(
      refreshMs,
      () => {
        for (const watch of this.#watches) watch.renew();
        this.#look();
        this.#lookRegularly();
      },
      { unref: true },
    );
  }

  #lookIn(ms: number): void {
    const { clock } = this.#options;
    const at = clock.now() + ms;
    if (this.#ended || (this.#soon !== null && this.#soonAt <= at)) return;
    this.#soon?.cancel();
    this.#soonAt = at;
    this.#soon = clock.setTimer(
      ms,
      () => {
        this.#soon = null;
        for (const watch of this.#watches) watch.renew();
        this.#look();
      },
      { unref: true },
    );
  }

  #look(): void {
    if (this.#ended) return;
    const digest = createHash('sha256');
    const contents = new Map<string, Buffer>();
    let missing: Error | null = null;
    for (const file of this.#options.files) {
      try {
        const content = readFileSync(file);
        contents.set(file, content);
        digest.update(`${content.length}:`).update(content);
      } catch (cause) {
        const { code } = cause as NodeJS.ErrnoException;
        digest.update(`-${code}:`);
        missing ??= new Error(`${file} cannot be read: ${code ?? cause}`, { cause });
      }
    }
    const seen = digest.digest('base64');
    if (seen === this.#good) {
      this.#fine();
      return;
    }
    try {
      if (missing !== null) throw missing;
      this.#reader.read(contents);
    } catch (error) {
      this.#bad(seen, error instanceof Error ? error : new Error(String(error)));
      return;
    }
    this.#good = seen;
    this.#badSince = null;
    this.#told = null;
    this.#lookAgainMs = LOOK_AGAIN_MS;
  }

  #fine(): void {
    const told = this.#told !== null;
    this.#badSince = null;
    this.#told = null;
    this.#lookAgainMs = LOOK_AGAIN_MS;
    if (told) this.#reader.recovered();
  }

  #bad(seen: string, error: Error): void {
    const now = this.#options.clock.now();
    this.#badSince ??= now;
    if (now - this.#badSince < HALF_WAY_MS) {
      this.#lookIn(Math.min(this.#lookAgainMs, this.#badSince + HALF_WAY_MS - now));
      this.#lookAgainMs *= 2;
      return;
    }
    if (seen === this.#told) return;
    this.#told = seen;
    this.#reader.failed(error);
  }
}
