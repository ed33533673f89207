import { MeshError, outsideContext, type UpstreamTlsContext } from '@inmesh/core';
import type { FollowedTls, FollowedTlsEvents, TlsContexts, TlsMaterial, TlsState } from '@inmesh/mtls';
import type { AdsStatus } from '@inmesh/xds';
import { loadMtls } from './late-mtls.ts';
import type { MeshTls, MeshTlsParts } from './mesh-tls.ts';

/** The TLS of a mesh. What it is made of is loaded with the first cluster that needs it: a mesh in the clear starts without. */
export class LateTls {
  readonly #parts: MeshTlsParts;
  #tls: MeshTls | null = null;
  #closed = false;

  constructor(parts: MeshTlsParts) {
    this.#parts = parts;
  }

  follow(context: UpstreamTlsContext, place: { readonly cluster: string }, events: FollowedTlsEvents): FollowedTls {
    if (this.#tls !== null) return this.#tls.contexts.follow(context, place, events);
    const followed = new LateContext(place.cluster, (contexts, own) => contexts.follow(context, place, own), events);
    this.#open().then(
      ({ contexts }) => followed.begin(contexts),
      (cause) => followed.fail(cause),
    );
    return followed;
  }

  /** Null for a context that nobody follows. */
  state(context: UpstreamTlsContext): TlsState | null {
    return this.#tls?.contexts.state(context) ?? null;
  }

  gauges(): { readonly [gauge: string]: number } {
    return this.#tls?.gauges() ?? {};
  }

  secretServers(): AdsStatus[] {
    return this.#tls?.secrets.status() ?? [];
  }

  close(): void {
    this.#closed = true;
    this.#tls?.close();
  }

  async #open(): Promise<MeshTls> {
    await loadMtls();
    const { MeshTls } = await outsideContext(() => import('./mesh-tls.ts'));
    if (this.#closed) throw new MeshError('draining', 'the mesh was closed');
    this.#tls ??= new MeshTls(this.#parts);
    return this.#tls;
  }
}

/** A context that was asked for before there was anybody to follow it. */
class LateContext implements FollowedTls {
  readonly #cluster: string;
  readonly #follow: (contexts: TlsContexts, events: FollowedTlsEvents) => FollowedTls;
  readonly #events: FollowedTlsEvents;
  #followed: FollowedTls | null = null;
  #failure: Error | null = null;
  #released = false;

  constructor(
    cluster: string,
    follow: (contexts: TlsContexts, events: FollowedTlsEvents) => FollowedTls,
    events: FollowedTlsEvents,
  ) {
    this.#cluster = cluster;
    this.#follow = follow;
    this.#events = events;
  }

  get settled(): boolean {
    return this.#followed?.settled ?? this.#failure !== null;
  }

  current(): TlsMaterial | MeshError {
    if (this.#followed !== null) return this.#followed.current();
    const why = this.#failure?.message ?? 'it is being loaded';
    return new MeshError('connection_failure', `no TLS: ${why}`, { cluster: this.#cluster, cause: this.#failure });
  }

  begin(contexts: TlsContexts): void {
    if (this.#released) return;
    this.#followed = this.#follow(contexts, this.#events);
    if (this.#followed.settled) this.#events.onSettled();
  }

  fail(cause: Error): void {
    if (this.#released) return;
    this.#failure = cause;
    this.#events.onSettled();
  }

  release(): void {
    this.#released = true;
    this.#followed?.release();
  }
}
