import { MeshError, type UpstreamTlsContext } from '@inmesh/core';
import { watchDirectory } from '../files/watch-directory.ts';
import { SecureContexts } from '../material/secure-contexts.ts';
import type { FollowedTls, FollowedTlsEvents, TlsMaterial } from '../tls-material.ts';
import { contextKey } from './context-key.ts';
import { Rebuilds } from './rebuilds.ts';
import { type HeldCertificate, SharedContext, type SharedContextParts } from './shared-context.ts';

/** `environment` defaults to the variables of the process, `watchDirectory` to the notices of the system. */
export type TlsContextsParts = Omit<
  SharedContextParts,
  'environment' | 'watchDirectory' | 'makeSecureContext' | 'rebuilds'
> &
  Partial<Pick<SharedContextParts, 'environment' | 'watchDirectory'>>;

/** What the TLS contexts of a cluster are made with now. */
export interface ClusterCertificates {
  readonly cluster: string;
  readonly own: readonly HeldCertificate[];
  readonly roots: readonly HeldCertificate[];
}

/** What of one TLS context is in force. */
export interface TlsState extends Pick<ClusterCertificates, 'own' | 'roots'> {
  /** Why there is nothing to connect with; null where there is. */
  readonly error: string | null;
}

interface Entry {
  readonly context: SharedContext;
  /** Cluster of each user. */
  readonly users: Map<FollowedUser, string>;
}

/** The TLS contexts of all clusters. Those of equal content share one material, and what it is made of is asked for once. */
export class TlsContexts {
  readonly #parts: SharedContextParts;
  readonly #entries = new Map<string, Entry>();

  constructor(parts: TlsContextsParts) {
    this.#parts = {
      environment: (variable) => process.env[variable],
      watchDirectory,
      ...parts,
      makeSecureContext: new SecureContexts().make,
      rebuilds: new Rebuilds(parts.clock),
    };
  }

  follow({ common }: UpstreamTlsContext, place: { readonly cluster: string }, events: FollowedTlsEvents): FollowedTls {
    const key = contextKey(common);
    const entry = this.#entries.get(key) ?? { context: new SharedContext(common, this.#parts), users: new Map() };
    this.#entries.set(key, entry);
    const user = new FollowedUser(entry.context, place.cluster, events, () => {
      entry.users.delete(user);
      if (entry.context.removeUser(user)) return;
      this.#entries.delete(key);
      entry.context.release();
    });
    entry.users.set(user, place.cluster);
    entry.context.addUser(user);
    return user;
  }

  /** For whoever explains: no keys. Null for a context that nobody follows. */
  state({ common }: UpstreamTlsContext): TlsState | null {
    const context = this.#entries.get(contextKey(common))?.context;
    if (context === undefined) return null;
    const { own, roots, settled } = context;
    const current = settled ? context.current() : 'its secrets have not come yet';
    return { own, roots, error: typeof current === 'string' ? current : null };
  }

  /** For whoever explains, and for gauges: no keys. */
  certificates(): ClusterCertificates[] {
    return [...this.#entries.values()].flatMap(({ context: { own, roots }, users }) =>
      [...new Set(users.values())].map((cluster) => ({ cluster, own, roots })),
    );
  }
}

class FollowedUser implements FollowedTls {
  readonly #context: SharedContext;
  readonly #cluster: string;
  readonly #events: FollowedTlsEvents;
  #release: (() => void) | null;

  constructor(context: SharedContext, cluster: string, events: FollowedTlsEvents, release: () => void) {
    this.#context = context;
    this.#cluster = cluster;
    this.#events = events;
    this.#release = release;
  }

  get settled(): boolean {
    return this.#context.settled;
  }

  current(): TlsMaterial | MeshError {
    const current = this.#context.current();
    if (typeof current !== 'string') return current;
    return new MeshError('connection_failure', `no TLS: ${current}`, { cluster: this.#cluster });
  }

  release(): void {
    this.#release?.();
    this.#release = null;
  }

  settledNow(): void {
    this.#events.onSettled();
  }

  rotated(): void {
    this.#events.onRotated();
  }
}
