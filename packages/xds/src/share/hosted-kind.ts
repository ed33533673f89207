import type { Kind, MeshError, Unwatch } from '@inmesh/core';
import type { AdsClient } from '../ads/client.ts';
import type { Verdict } from '../ads/second-hand.ts';
import type { HostMessage, SharedResource } from './messages.ts';

/** What a guest was told of a resource last: by reference, because a new version has new bytes. */
interface Told {
  readonly bytes: Uint8Array | null;
  readonly verdict: string | null;
}

/** A part of an update, and the bytes of its resources. */
export interface Part {
  readonly part: Extract<HostMessage, { type: 'part' }>;
  readonly blobs: readonly Uint8Array[];
}

/** The client that has the feed. */
export type HostedFeed = Pick<AdsClient, 'watch' | 'watchAll' | 'known' | 'look'>;

/** What one guest wants of one kind. Of what changed only the names are kept: what is told is what is in force by then. */
export class HostedKind {
  readonly #feed: HostedFeed;
  readonly #kind: Kind;
  readonly #onChange: () => void;
  readonly #watches = new Map<string, Unwatch>();
  readonly #told = new Map<string, Told>();
  #changed = new Set<string>();
  /** The names of the update that is being told. */
  #batch: Iterator<string> | null = null;
  /** That update is for a guest that wants all. */
  #batchAll = false;
  #unwatchAll: Unwatch | null = null;
  /** All there is is known, so that a guest that wants all can be told so. */
  #settled = false;
  /** The guest waits to hear that all was told. */
  #owesAll = false;

  constructor(feed: HostedFeed, kind: Kind, onChange: () => void) {
    this.#feed = feed;
    this.#kind = kind;
    this.#onChange = onChange;
  }

  want(add: readonly string[], remove: readonly string[], all: boolean): void {
    for (const name of add) this.#follow(name);
    if (all !== (this.#unwatchAll !== null)) this.#followAll(all);
    for (const name of remove) {
      this.#watches.get(name)?.();
      this.#watches.delete(name);
      if (!all) this.#told.delete(name);
    }
  }

  close(): void {
    this.#unwatchAll?.();
    for (const unwatch of this.#watches.values()) unwatch();
    this.#watches.clear();
  }

  /** True where there is something to tell; the parts of it follow. */
  begin(): boolean {
    if (this.#unwatchAll !== null && !this.#settled) return false;
    if (this.#changed.size === 0 && !this.#owesAll) return false;
    this.#batch = this.#changed.values();
    this.#batchAll = this.#unwatchAll !== null;
    this.#owesAll = false;
    this.#changed = new Set();
    return true;
  }

  /** The next part of what was begun. */
  part(maxBytes: number): Part {
    const resources: SharedResource[] = [];
    const verdicts: Verdict[] = [];
    const blobs: Uint8Array[] = [];
    let size = 0;
    let last = true;
    for (let next = this.#batch?.next(); next !== undefined && next.done !== true; next = this.#batch?.next()) {
      size += this.#tell(next.value, { resources, verdicts, blobs });
      if (size < maxBytes) continue;
      last = false;
      break;
    }
    if (last) this.#batch = null;
    return { part: { type: 'part', kind: this.#kind, all: this.#batchAll, last, resources, verdicts }, blobs };
  }

  #tell(
    name: string,
    { resources, verdicts, blobs }: { resources: SharedResource[]; verdicts: Verdict[]; blobs: Uint8Array[] },
  ): number {
    const known = this.#feed.look(this.#kind, name);
    const before = this.#told.get(name);
    if (known === null) {
      // By name that is an answer still to come; where all is told it is gone.
      if (before === undefined || this.#unwatchAll === null) return 0;
      this.#told.delete(name);
      verdicts.push(gone(name));
      return name.length;
    }
    const { bytes, version } = known;
    const verdict = known.verdict === null ? null : JSON.stringify(known.verdict);
    this.#told.set(name, { bytes, verdict });
    let size = 0;
    // A verdict that is taken back is told by the resource itself.
    if (bytes !== null && (bytes !== before?.bytes || (verdict === null && before.verdict !== null))) {
      resources.push({ name, version, size: bytes.length });
      blobs.push(bytes);
      size = bytes.length + name.length;
    }
    if (known.verdict === null || (verdict === before?.verdict && size === 0)) return size;
    verdicts.push(known.verdict);
    return size + name.length + known.verdict.message.length;
  }

  #follow(name: string): void {
    if (this.#watches.has(name)) return;
    const changed = () => this.#change(name);
    this.#watches.set(
      name,
      this.#feed.watch(this.#kind, name, {
        changed,
        resourceError: changed,
        ambientError: changed,
        recovered: changed,
      }),
    );
  }

  /** Whatever was told before is told again: the guest takes what belongs to all of it for all, and nothing else. */
  #followAll(all: boolean): void {
    this.#told.clear();
    this.#changed.clear();
    this.#batch = null;
    this.#unwatchAll?.();
    this.#unwatchAll = null;
    this.#settled = false;
    this.#owesAll = all;
    if (!all) {
      for (const name of this.#watches.keys()) this.#change(name);
      return;
    }
    this.#unwatchAll = this.#feed.watchAll(this.#kind, {
      changed: (name) => this.#change(name),
      removed: (name) => this.#change(name),
      settled: () => this.#settle(),
      ambientError: (error) => this.#hearError(error),
    });
  }

  #settle(): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const name of this.#feed.known(this.#kind)) this.#changed.add(name);
    this.#onChange();
  }

  /** Which one was refused is not said, and it may be one that never was in force. */
  #hearError({ code }: MeshError): void {
    if (code !== 'invalid_config' || !this.#settled) return;
    for (const name of this.#feed.known(this.#kind)) this.#changed.add(name);
    this.#onChange();
  }

  #change(name: string): void {
    this.#changed.add(name);
    this.#onChange();
  }
}

/** The control plane took it away, and nothing more is known of it. */
function gone(name: string): Verdict {
  const message = 'it does not exist: the control plane removed it';
  return { name, state: 'DOES_NOT_EXIST', inForce: false, code: null, message, refusedVersion: null };
}
