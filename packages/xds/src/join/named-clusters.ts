import type { ClusterHandle, Clusters } from '@inmesh/core';

/** Names come with requests, maybe from outside: so many are followed for one authority, and the one that was not used for longest goes. */
const MOST = 100;

/** Clusters that calls name, by a header: looked for when the first call names them, and followed from then on. */
export class NamedClusters {
  readonly #clusters: Clusters;
  readonly #told: () => void;
  /** Least recently used first. */
  readonly #handles = new Map<string, ClusterHandle>();

  constructor(clusters: Clusters, told: () => void) {
    this.#clusters = clusters;
    this.#told = told;
  }

  handle(name: string): ClusterHandle {
    const known = this.#handles.get(name);
    if (known !== undefined) {
      if (this.#handles.size > MOST / 2) {
        this.#handles.delete(name);
        this.#handles.set(name, known);
      }
      return known;
    }
    const [oldest] = this.#handles;
    if (this.#handles.size >= MOST && oldest !== undefined) {
      this.#handles.delete(oldest[0]);
      oldest[1].release();
    }
    const handle = this.#clusters.acquire(name, () => this.#told());
    this.#handles.set(name, handle);
    return handle;
  }

  close(): void {
    for (const handle of this.#handles.values()) handle.release();
    this.#handles.clear();
  }
}
