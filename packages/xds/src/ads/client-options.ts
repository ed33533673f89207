import type { BackoffOptions, Clock, Random, StreamTransport } from '@inmesh/core';
import type { MassRemovalOptions } from './mass-removal.ts';
import type { AdsNode } from './node.ts';
import type { ResourceMemory } from './resource-memory.ts';
import type { ResourceTypes } from './resource-type.ts';
import type { AdsVariant } from './status.ts';
import type { OpenAdsStream } from './stream.ts';

/** A control plane, and how it is spoken to. */
export interface AdsServerOptions {
  /** Streams to the control plane. The client opens one at a time and leaves closing the transport to whoever made it. */
  readonly transport: StreamTransport;
  /** As in the bootstrap; errors and `status()` name it. */
  readonly serverUri: string;
  /** Request headers of a stream, asked for anew for each, because tokens expire. Default: none. */
  readonly metadata?: (() => Readonly<Record<string, string>>) | undefined;
  /** `server_features` of the bootstrap; see `ServerFeatures`. Default: none. */
  readonly serverFeatures?: readonly string[] | undefined;
  /**
   * The variant of the protocol to begin with; the other is tried where the server answers UNIMPLEMENTED, and kept from then
   * on. Default `sotw`, which gRPC's control planes all speak.
   */
  readonly variant?: AdsVariant | undefined;
}

export interface AdsClientOptions extends AdsServerOptions {
  /** Servers to fall back on, in the order of preference; see `ServerChain` for when. Default: none. */
  readonly fallbacks?: readonly AdsServerOptions[] | undefined;
  readonly node: AdsNode;
  /** Version of inmesh, for the node's `user_agent_version`. */
  readonly userAgentVersion: string;
  /** Every resource type that can be watched. */
  readonly types: ResourceTypes;
  /** Hears what concerns no watcher: a watcher that threw, an answer of a type that nobody asked for. */
  readonly onError: (error: Error) => void;
  /**
   * Milliseconds after which a resource that was asked for and did not come counts as not there. Counted from the request on
   * a connection that is up. Default 15,000, as in gRPC and as Envoy's `initial_fetch_timeout`; 30,000 where the server has
   * `resource_timer_is_transient_error` (gRFC A88).
   */
  readonly resourceTimeoutMs?: number | undefined;
  /** Keeps what was watched beyond this client and its watchers. Default: nothing does. */
  readonly memory?: ResourceMemory | null | undefined;
  /** Holds back removals of many clusters at once. Default: all removals are believed, as gRPC and Envoy do. */
  readonly massRemoval?: MassRemovalOptions | null | undefined;
  /** Waits between streams that fail. Default: gRPC's. */
  readonly backoff?: BackoffOptions | undefined;
  /** How streams of one variant, or of each, are opened. Default: as this package does. */
  readonly openStream?: { readonly [V in AdsVariant]?: OpenAdsStream } | undefined;
  /**
   * Milliseconds of work on a response after which the event loop is let run. Default 5: short beside a call, and long
   * enough that the turns in between cost nothing.
   */
  readonly sliceMs?: number | undefined;
  /** Default: the system's. */
  readonly clock?: Clock | undefined;
  /** Default: the system's. */
  readonly random?: Random | undefined;
}
