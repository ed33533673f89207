import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Owner } from '../state-directory.ts';

/** A socket on which a broker listens, or listened. */
export interface Seat {
  readonly generation: number;
  readonly path: string;
}

/** The longest path that every system takes for a unix socket (104 bytes with its end on macOS, 108 on Linux). */
const maxPathBytes = 103;

/**
 * The sockets of the brokers of one feed, each with a number in its name; the one with the highest number is in force. To
 * take over from a broker is to listen on the next number, which only one process can: nobody removes a socket that another may be
 * about to take, so there is no moment in which two can believe to have won. Whoever finds a higher number than its own steps down.
 */
export class BrokerSeats {
  readonly directory: string;
  readonly #prefix: string;
  readonly #owner = new Owner(process.getuid?.() ?? null);

  /** `path`: the directory that was named; the sockets lie in one below it, made for this user only. */
  constructor(path: string, key: string) {
    this.directory = join(path, 'broker');
    this.#prefix = `${key.slice(0, 16)}.`;
  }

  /** Throws where the directory cannot be used. */
  prepare(): void {
    const longest = Buffer.byteLength(this.#pathOf(999_999));
    if (longest > maxPathBytes) {
      throw new Error(
        `the socket's path has ${longest} bytes, more than the ${maxPathBytes} that systems allow: name a shorter directory`,
      );
    }
    this.#owner.prepare(this.directory);
  }

  /** Null where there never was one. */
  newest(): Seat | null {
    return this.#all().reduce<Seat | null>(
      (newest, seat) => (newest === null || seat.generation > newest.generation ? seat : newest),
      null,
    );
  }

  after(seat: Seat | null): Seat {
    const generation = (seat?.generation ?? 0) + 1;
    return { generation, path: this.#pathOf(generation) };
  }

  /** What tells a socket from another with the same name, before or after it. */
  markOf({ path }: Seat): string {
    const { ino, birthtimeMs } = lstatSync(path);
    return `${ino} ${birthtimeMs}`;
  }

  /** It is there as it was made, and none is newer. */
  isInForce(seat: Seat, mark: string): boolean {
    try {
      return this.newest()?.generation === seat.generation && this.markOf(seat) === mark;
    } catch {
      return false;
    }
  }

  removeOlder({ generation }: Seat): void {
    for (const seat of this.#all()) {
      if (seat.generation >= generation) continue;
      try {
        unlinkSync(seat.path);
      } catch {
        // Its broker did that, or the next one will.
      }
    }
  }

  #all(): Seat[] {
    return readdirSync(this.directory).flatMap((name) => {
      const number = name.startsWith(this.#prefix) ? /^(\d{1,9})\.sock$/.exec(name.slice(this.#prefix.length)) : null;
      return number === null ? [] : [{ generation: Number(number[1]), path: join(this.directory, name) }];
    });
  }

  #pathOf(generation: number): string {
    return join(this.directory, `${this.#prefix}${generation}.sock`);
  }
}
