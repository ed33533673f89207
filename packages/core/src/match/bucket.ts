import type { Head } from '../call.ts';
import type { RouteConditions } from '../model/matcher.ts';
import { asOnTheWire } from '../util/ascii.ts';
import { isPseudoHeader, pseudoHeader, trimmed } from './header-match.ts';

/** Positions of routes, in order. */
export type Positions = readonly number[];

/** So few are asked one by one. */
const FEW = 8;

/** A header that a route asks to have this value. */
export interface HeaderKey {
  readonly name: string;
  readonly value: string;
}

/** The first header that must be there with one certain value; null where a route asks for none such. */
export function headerKey({ headers }: RouteConditions): HeaderKey | null {
  for (const { name, test, invert, treatMissingAsEmpty } of headers) {
    if (invert || treatMissingAsEmpty || test.kind !== 'string') continue;
    const { kind, value, ignoreCase } = test.match;
    // Upgrades are no header of an HTTP/2 call, and need not be one here.
    if (kind === 'exact' && !ignoreCase && name !== 'upgrade') return { name, value: asOnTheWire(value) };
  }
  return null;
}

/** Routes whose paths begin alike. Where there are many of them, those that ask for a certain value of a header are found by it. */
export class Bucket {
  readonly #others: number[] = [];
  readonly #byHeader = new Map<string, Map<string, number[]>>();

  constructor(positions: Positions, keys: readonly (HeaderKey | null)[]) {
    for (const position of positions) {
      const key = positions.length > FEW ? (keys[position] ?? null) : null;
      this.#listFor(key).push(position);
    }
  }

  /** Writes the lists of those that a call may be for behind the `count` that are in `lists`, and gives their number. */
  collect(head: Head, lists: Positions[], count: number): number {
    let found = count;
    if (this.#others.length > 0) lists[found++] = this.#others;
    for (const [name, byValue] of this.#byHeader) {
      const add = (value: string): false => {
        const list = byValue.get(trimmed(value));
        if (list !== undefined) lists[found++] = list;
        return false;
      };
      if (isPseudoHeader(name)) add(pseudoHeader(head, name));
      else head.headers.test(name, add);
    }
    return found;
  }

  #listFor(key: HeaderKey | null): number[] {
    if (key === null) return this.#others;
    let byValue = this.#byHeader.get(key.name);
    if (byValue === undefined) {
      byValue = new Map();
      this.#byHeader.set(key.name, byValue);
    }
    let list = byValue.get(key.value);
    if (list === undefined) {
      list = [];
      byValue.set(key.value, list);
    }
    return list;
  }
}
