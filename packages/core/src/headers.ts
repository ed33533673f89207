/** Header values by lower-case name, as undici's handlers take them. */
export type HeaderRecord = Record<string, string | string[]>;

/** A flat list of names and values in the order and case of the wire. */
export type FlatHeaders = readonly string[];

/**
 * The headers of one message: flat pairs in order and case, read case-insensitively.
 *
 * A response that nobody looks into travels as the bytes that its codec made (`fromWire`): they become strings only when asked for.
 */
export class Headers implements Iterable<readonly [string, string]> {
  #pairs: string[] | null;
  #raw: readonly Uint8Array[] | null;
  #record: HeaderRecord | null;

  private constructor(pairs: string[] | null, raw: readonly Uint8Array[] | null, record: HeaderRecord | null) {
    this.#pairs = pairs;
    this.#raw = raw;
    this.#record = record;
  }

  /** Takes the list over: the caller must not change it afterwards. */
  static from(pairs: string[]): Headers {
    return new Headers(pairs, null, null);
  }

  static empty(): Headers {
    return new Headers([], null, null);
  }

  /** What an HTTP/1 codec hands over: the raw latin1 pairs, and the record it parsed from them anyway. */
  static fromWire(raw: readonly Uint8Array[], record: HeaderRecord): Headers {
    return new Headers(null, raw, record);
  }

  /** The value of a header; several are joined by ", ". `name` is in lower case. */
  get(name: string): string | undefined {
    if (this.#record !== null) {
      if (!Object.hasOwn(this.#record, name)) return undefined;
      const value = this.#record[name];
      return Array.isArray(value) ? value.join(', ') : value;
    }
    const pairs = this.#list();
    let found: string | undefined;
    for (let i = 0; i < pairs.length; i += 2) {
      if (!sameName(pairs[i] as string, name)) continue;
      found = found === undefined ? (pairs[i + 1] as string) : `${found}, ${pairs[i + 1]}`;
    }
    return found;
  }

  /** `name` is in lower case. */
  has(name: string): boolean {
    if (this.#record !== null) return Object.hasOwn(this.#record, name);
    const pairs = this.#list();
    for (let i = 0; i < pairs.length; i += 2) if (sameName(pairs[i] as string, name)) return true;
    return false;
  }

  /** Whether one of the values of a header passes a test; null where there is none to test. `name` is in lower case. */
  test(name: string, passes: (value: string) => boolean): boolean | null {
    if (this.#record !== null) {
      if (!Object.hasOwn(this.#record, name)) return null;
      const value = this.#record[name] as string | string[];
      return typeof value === 'string' ? passes(value) : value.some(passes);
    }
    const pairs = this.#list();
    let seen: false | null = null;
    for (let i = 0; i < pairs.length; i += 2) {
      if (!sameName(pairs[i] as string, name)) continue;
      if (passes(pairs[i + 1] as string)) return true;
      seen = false;
    }
    return seen;
  }

  /** Replaces every header of that name, in the place of the first. */
  set(name: string, value: string): void {
    const pairs = this.#own();
    const lower = name.toLowerCase();
    let done = false;
    for (let i = 0; i < pairs.length; i += 2) {
      if (!sameName(pairs[i] as string, lower)) continue;
      if (done) {
        pairs.splice(i, 2);
        i -= 2;
      } else {
        pairs[i + 1] = value;
        done = true;
      }
    }
    if (!done) pairs.push(name, value);
  }

  append(name: string, value: string): void {
    // What came from the wire and was not looked into stays bytes.
    if (this.#pairs !== null || this.#raw === null) {
      this.#own().push(name, value);
      return;
    }
    this.#raw = [...this.#raw, Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')];
    if (this.#record !== null) addTo(this.#record, name.toLowerCase(), value);
  }

  delete(name: string): void {
    const pairs = this.#own();
    const lower = name.toLowerCase();
    for (let i = pairs.length - 2; i >= 0; i -= 2) if (sameName(pairs[i] as string, lower)) pairs.splice(i, 2);
  }

  /** The flat pairs; not to be changed. */
  flat(): FlatHeaders {
    return this.#list();
  }

  /** Lower-case name → value, or a list of values where a name occurs more than once. */
  record(): HeaderRecord {
    if (this.#record !== null) return this.#record;
    const record: HeaderRecord = Object.create(null);
    const pairs = this.#list();
    for (let i = 0; i < pairs.length; i += 2) {
      addTo(record, (pairs[i] as string).toLowerCase(), pairs[i + 1] as string);
    }
    this.#record = record;
    return record;
  }

  /** The pairs as latin1 bytes, as undici's `rawHeaders` are. */
  raw(): readonly Uint8Array[] {
    this.#raw ??= this.#list().map((text) => Buffer.from(text, 'latin1'));
    return this.#raw;
  }

  /** Shares nothing that anybody could change: a record that was handed out is its receiver's. */
  copy(): Headers {
    return this.#pairs === null
      ? new Headers(null, this.#raw, null)
      : new Headers(this.#pairs.slice(), this.#raw, null);
  }

  *[Symbol.iterator](): IterableIterator<readonly [string, string]> {
    const pairs = this.#list();
    for (let i = 0; i < pairs.length; i += 2) yield [pairs[i] as string, pairs[i + 1] as string];
  }

  #list(): string[] {
    this.#pairs ??= (this.#raw ?? []).map((bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1'),
    );
    return this.#pairs;
  }

  /** The list, for a change: what was derived from it is forgotten. */
  #own(): string[] {
    const pairs = this.#list();
    this.#raw = null;
    this.#record = null;
    return pairs;
  }
}

function addTo(record: HeaderRecord, name: string, value: string): void {
  const known = Object.hasOwn(record, name) ? record[name] : undefined;
  if (known === undefined) record[name] = value;
  else if (Array.isArray(known)) known.push(value);
  else record[name] = [known, value];
}

/** True when `name`, in any case, is `lower`, which is in lower case. */
function sameName(name: string, lower: string): boolean {
  return name.length === lower.length && (name === lower || name.toLowerCase() === lower);
}
