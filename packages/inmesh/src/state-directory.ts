import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import type { StateFiles } from '@inmesh/xds';

/** Windows has no links to fear here. */
const noFollow = constants.O_NOFOLLOW ?? 0;

const creating = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | noFollow;

/**
 * The files of a state directory. They lie in a directory of their own (`feed`), made for this user only, because the one that was
 * named may be anybody's to write in, as volumes often are.
 * `uid`: who must own them. Default: this process's user; not checked on Windows, which has no such numbers.
 */
export function stateDirectory(path: string, { uid = process.getuid?.() }: { readonly uid?: number } = {}): StateFiles {
  const directory = join(path, 'feed');
  const owner = new Owner(uid ?? null);
  const pathOf = (name: string): string => join(directory, name);
  return {
    pathOf,
    read: (name, maxBytes) => readOwn(owner, directory, pathOf(name), maxBytes),
    write: (name, bytes, wanted) => replace(owner, directory, pathOf(name), bytes, wanted),
    writeNow: (name, bytes) => replaceNow(owner, directory, pathOf(name), bytes),
  };
}

function readOwn(owner: Owner, directory: string, path: string, maxBytes: number): Uint8Array | null {
  let file: number;
  try {
    owner.check(lstatSync(directory), directory);
    file = openSync(path, constants.O_RDONLY | noFollow);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new Error('it is no regular file');
    owner.check(stats, path);
    if (stats.size > maxBytes)
      throw new Error(`it has ${stats.size} bytes, more than the ${maxBytes} that are ever written`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** The user whose files these are. Whoever else could write them could send our calls anywhere. */
export class Owner {
  readonly #uid: number | null;

  constructor(uid: number | null) {
    this.#uid = uid;
  }

  /** Throws where others own the file or directory, or can write it. */
  check(stats: Stats, path: string): void {
    if (this.#uid === null) return;
    this.#checkUid(stats, path);
    if ((stats.mode & 0o022) === 0) return;
    throw new Error(`${path} can be written by others (mode ${(stats.mode & 0o777).toString(8)})`);
  }

  /** Makes the directory where it is not there, and closes it to others. */
  prepare(directory: string): void {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const stats = lstatSync(directory);
    if (!stats.isDirectory()) throw new Error(`${directory} is no directory`);
    if (this.#uid === null) return;
    this.#checkUid(stats, directory);
    if ((stats.mode & 0o077) !== 0) chmodSync(directory, 0o700);
  }

  #checkUid({ uid }: Stats, path: string): void {
    if (uid !== this.#uid) throw new Error(`${path} belongs to user ${uid}, and this process is user ${this.#uid}`);
  }
}

async function replace(
  owner: Owner,
  directory: string,
  path: string,
  bytes: Uint8Array,
  wanted: () => boolean,
): Promise<void> {
  owner.prepare(directory);
  const temporary = `${path}.${process.pid}.${threadId}.tmp`;
  try {
    const file = await open(temporary, creating, 0o600);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    if (wanted()) renameSync(temporary, path);
    else unlinkSync(temporary);
  } catch (error) {
    remove(temporary);
    throw error;
  }
  const folder = await openFolder(directory);
  try {
    await folder?.sync();
  } finally {
    await folder?.close();
  }
}

function replaceNow(owner: Owner, directory: string, path: string, bytes: Uint8Array): void {
  owner.prepare(directory);
  const temporary = `${path}.${process.pid}.${threadId}.last.tmp`;
  try {
    const file = openSync(temporary, creating, 0o600);
    try {
      writeFileSync(file, bytes);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    remove(temporary);
    throw error;
  }
}

/** The new name lasts once the directory is on disk too; Windows opens no directories, and keeps names by itself. */
async function openFolder(directory: string): Promise<Awaited<ReturnType<typeof open>> | null> {
  return process.platform === 'win32' ? null : await open(directory, constants.O_RDONLY);
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made.
  }
}
