import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Clock, isMeshError, MeshError, type Timer } from '@inmesh/core';
import { parseText } from '@inmesh/xds';
import { duplicateError, type Resource, readResources } from './resource.ts';

export interface FolderOptions {
  readonly path: string;
  readonly clock: Clock;
  /** All resources of all usable files; called after each change. */
  readonly onResources: (resources: readonly Resource[], files: number) => void;
  /** Called once for each mistake, not again while it stays. */
  readonly onBadFile: (file: string, error: MeshError, stillServed: boolean) => void;
}

/** Milliseconds of quiet before files are read: an editor's save is several events. */
const quietMs = 50;

/** Milliseconds between looks without an event: targets of symbolic links, network file systems and exhausted inotify limits give none. */
const lookMs = 2000;

/** A file's newest text and what came of it, and the resources that are served from it. */
interface FileState {
  text: string;
  stamp: string;
  parsed: readonly Resource[] | MeshError;
  served: readonly Resource[] | null;
  /** Message of the error that was told. */
  told: string | null;
}

/**
 * Resources from the `.yaml`, `.yml` and `.json` files of a folder (not its subfolders), read again when they change. Files
 * may be rewritten, renamed over, or be links that are swapped, as Kubernetes does with a ConfigMap. A file that cannot
 * be used is reported, and its last good version stays.
 */
export class Folder {
  readonly #options: FolderOptions;
  readonly #path: string;
  readonly #files = new Map<string, FileState>();
  #watchers: FSWatcher[] = [];
  #quiet: Timer | null = null;
  #look: Timer | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #closed = false;
  #folderError: string | null = null;

  constructor(options: FolderOptions) {
    this.#options = options;
    this.#path = resolve(options.path);
  }

  /** Reads the folder and watches it. Rejects if there is no such folder; bad files are only reported. */
  async start(): Promise<void> {
    const found = await stat(this.#path).catch(() => null);
    if (found === null || !found.isDirectory()) {
      const problem = found === null ? 'does not exist' : 'is not a folder';
      throw new MeshError(
        'invalid_config',
        `${this.#options.path} ${problem}; give a folder with YAML or JSON files of resources`,
      );
    }
    this.#watch(this.#path, null);
    this.#watch(dirname(this.#path), basename(this.#path)); // The folder itself may be a link that is swapped.
    await this.#read(false);
    this.#publish();
    this.#lookLater();
  }

  /** Reads what changed now; resolves when it is served. */
  reload(): Promise<void> {
    return this.#run(false);
  }

  /** Names and mistakes, for whoever wants to show them. */
  files(): { readonly file: string; readonly error: string | null }[] {
    return [...this.#files].map(([file, state]) => ({ file, error: state.told }));
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
    this.#quiet?.cancel();
    this.#look?.cancel();
  }

  #watch(path: string, only: string | null): void {
    try {
      const watcher = watch(path, { persistent: false }, (_, name) => {
        if (only !== null && name !== only) return;
        if (only !== null) this.#watchAgain();
        this.#readSoon();
      });
      watcher.on('error', () => watcher.close()); // Looking goes on.
      this.#watchers.push(watcher);
    } catch {
      // No watch to be had here; looking finds the changes.
    }
  }

  /** A watch stays with the folder it was set on, wherever its name points now. */
  #watchAgain(): void {
    if (this.#closed) return;
    this.#watchers.shift()?.close();
    const others = this.#watchers;
    this.#watchers = [];
    this.#watch(this.#path, null);
    this.#watchers.push(...others);
  }

  #readSoon(): void {
    if (this.#closed) return;
    this.#quiet?.cancel();
    this.#quiet = this.#options.clock.setTimer(quietMs, () => void this.reload(), { unref: true });
  }

  #lookLater(): void {
    if (this.#closed) return;
    this.#look = this.#options.clock.setTimer(lookMs, () => void this.#run(true).finally(() => this.#lookLater()), {
      unref: true,
    });
  }

  /** One reading at a time; a wish that comes in the middle of one gets one more. */
  #run(trustStamps: boolean): Promise<void> {
    if (this.#running !== null) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#readUntilStill(trustStamps).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #readUntilStill(trustStamps: boolean): Promise<void> {
    let trust = trustStamps;
    do {
      this.#again = false;
      const changed = await this.#read(trust);
      if (changed && !this.#closed) this.#publish();
      trust = false;
    } while (this.#again && !this.#closed);
  }

  /**
   * Brings `#files` up to date; true if anything changed. `trustStamps`: a file with the same time, inode and size is not
   * read, which is right for a look without cause, but two saves within one tick of the file system's clock have one stamp.
   */
  async #read(trustStamps: boolean): Promise<boolean> {
    let entries: string[];
    try {
      entries = await readdir(this.#path);
      this.#folderError = null;
    } catch (cause) {
      this.#tellFolder(cause as Error);
      return false;
    }
    const names = entries.filter((name) => /^[^.].*\.(ya?ml|json)$/i.test(name)).sort();
    let changed = false;
    const ordered = new Map<string, FileState>();
    for (const name of names) {
      const file = join(this.#options.path, name);
      const before = this.#files.get(file);
      const state = await this.#readFile(file, join(this.#path, name), before, trustStamps);
      if (state !== null) ordered.set(file, state);
      changed ||= state !== (before ?? null);
    }
    changed ||= ordered.size !== this.#files.size;
    this.#files.clear();
    for (const [file, state] of ordered) this.#files.set(file, state);
    return changed;
  }

  /** The same object if the file is as it was; null if it is gone. */
  async #readFile(
    file: string,
    path: string,
    before: FileState | undefined,
    trustStamps: boolean,
  ): Promise<FileState | null> {
    const told = before?.told ?? null;
    const served = before?.served ?? null;
    try {
      const { mtimeMs, ino, size } = await stat(path);
      const stamp = `${mtimeMs} ${ino} ${size}`;
      if (trustStamps && before?.stamp === stamp) return before;
      const text = await readFile(path, 'utf8');
      if (before?.text === text) {
        before.stamp = stamp;
        return before;
      }
      return { text, stamp, parsed: parse(text, file), served, told };
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return null;
      if (before !== undefined && before.stamp === '') return before;
      const error = new MeshError('invalid_config', `${file} cannot be read: ${(cause as Error).message}`, { cause });
      return { text: '', stamp: '', parsed: error, served, told };
    }
  }

  /** Joins the files; one that repeats what others define is bad like one that cannot be read. */
  #publish(): void {
    const taken = new Map<string, Resource>();
    // What is served already comes first, so that of two claims the newer one is refused.
    const states = [...this.#files].sort(([, a], [, b]) => rank(a) - rank(b));
    for (const [file, state] of states) {
      const error = state.parsed instanceof Error ? state.parsed : take(state.parsed, taken);
      if (error === null) {
        state.served = state.parsed as readonly Resource[];
        state.told = null;
        continue;
      }
      if (state.served !== null && take(state.served, taken) !== null) state.served = null;
      if (state.told === error.message) continue;
      state.told = error.message;
      this.#options.onBadFile(file, error, state.served !== null);
    }
    this.#options.onResources([...taken.values()], this.#files.size);
  }

  #tellFolder(cause: Error): void {
    if (this.#folderError === cause.message) return;
    this.#folderError = cause.message;
    const message = `${this.#options.path} cannot be read: ${cause.message}; what was read before stays served`;
    this.#options.onBadFile(this.#options.path, new MeshError('invalid_config', message, { cause }), true);
  }
}

function rank({ parsed, served }: FileState): number {
  if (parsed === served) return 0;
  return parsed instanceof Error && served !== null ? 1 : 2;
}

function parse(text: string, file: string): readonly Resource[] | MeshError {
  try {
    return readResources(parseText(text, file));
  } catch (error) {
    if (isMeshError(error)) return error;
    return new MeshError('invalid_config', `${file}: ${(error as Error).message}`, { cause: error });
  }
}

/** Adds all of them, or none and says why. */
function take(resources: readonly Resource[], taken: Map<string, Resource>): MeshError | null {
  const added = new Map<string, Resource>();
  for (const resource of resources) {
    const key = `${resource.typeUrl} ${resource.name}`;
    const other = taken.get(key) ?? added.get(key);
    if (other !== undefined) return duplicateError(other, resource);
    added.set(key, resource);
  }
  for (const [key, resource] of added) taken.set(key, resource);
  return null;
}
