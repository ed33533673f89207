import type { MeshError } from './errors.ts';
import type { RouteTable } from './router/route-table.ts';

/** What is known of an authority that is called. */
export interface AuthorityEntry {
  readonly authority: string;
  /** The routes in force, without any where no virtual host matches; null until they are known, and after they were removed. */
  readonly table: RouteTable | null;
  /** Why there are no routes, also where the table says so; null while there are, or while it is not known. */
  readonly error: MeshError | null;
  /** True where the feed has never known the authority: the mesh has no say in calls to it. */
  readonly absent: boolean;
  /** Calls back once, when `table` or `error` is next set; the result takes that back. A table may still await clusters. */
  whenSettled(callback: () => void): () => void;
}

/** Authorities in use and their routes. The first question about one starts to follow it. */
export interface Directory {
  /** `target` names the listener (host and port), `authority` the virtual host (the `Host` that is sent). */
  lookup(target: string, authority: string): AuthorityEntry;
}
