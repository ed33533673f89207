/** What of one listener a feed of whole types is found by. */
export interface KnownListener {
  readonly name: string;
  /** Each key that leads to it, and to which of its chains. */
  readonly ways: readonly (readonly [key: string, chain: string])[];
}

/** What an earlier run knew of a feed of whole types, for when the control plane cannot tell it. */
export interface ListenerMemory {
  /** All listeners, as they were when they were last told; null where nobody knows. */
  listeners(): Iterable<KnownListener> | null;
  /** They were told, and differ perhaps from what is remembered; they are read when they are to be kept. */
  follow(read: () => Iterable<KnownListener>): void;
  /** A target (host and port) was called in an earlier run, and had a listener. */
  wasUsed(target: string): boolean;
}
