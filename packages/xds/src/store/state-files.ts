/** Access to the files of a state directory: the disk, or memory in a test. */
export interface StateFiles {
  /** As messages name it. */
  pathOf(name: string): string;
  /** Null where there is none. Throws with the reason where it cannot be read or should not be trusted (owner, mode, size). */
  read(name: string, maxBytes: number): Uint8Array | null;
  /**
   * Replaces a file as a whole, readable by its owner only: after a crash there is the old one or the new one. `wanted` is asked
   * right before it takes the old one's place.
   */
  write(name: string, bytes: Uint8Array, wanted: () => boolean): Promise<void>;
  /** The same before it returns, for a process that is about to end. */
  writeNow(name: string, bytes: Uint8Array): void;
}
