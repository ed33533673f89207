import type { Kind } from '@inmesh/core';

/**
 * As CSDS's ClientResourceStatus names them: asked for, in force, refused (an older version may be in force), not there, no
 * answer in time from a server that would say so, answered with an error (an older version may be in force).
 */
export type ResourceStatusState = 'REQUESTED' | 'ACKED' | 'NACKED' | 'DOES_NOT_EXIST' | 'TIMEOUT' | 'RECEIVED_ERROR';

export interface ResourceStatus {
  readonly kind: Kind;
  readonly typeUrl: string;
  readonly name: string;
  readonly state: ResourceStatusState;
  /** Of what is in force; empty for nothing. */
  readonly version: string;
  /** Why it was refused or is not there; null for neither. */
  readonly error: string | null;
  /** The version that was refused; null where none is. */
  readonly refusedVersion: string | null;
  /** Milliseconds since the epoch at which the state or the content last changed. */
  readonly updatedAt: number;
  /** Somebody watches it; what a server sends unasked is kept without. */
  readonly watched: boolean;
}

/** A resource with what was sent of it: for whoever shows configuration to an operator. Bytes are not to be changed, and may hold keys within. */
export interface ResourceContent extends ResourceStatus {
  /** What is in force; null for nothing, and for what is nobody's to see. */
  readonly bytes: Uint8Array | null;
  /** Milliseconds since the epoch at which it came into force, 0 where it is only remembered; null for nothing. */
  readonly acceptedAt: number | null;
  /** What was refused; null where nothing was, or it was too large to be kept. */
  readonly refusedBytes: Uint8Array | null;
  /** Milliseconds since the epoch; null where nothing was refused. */
  readonly refusedAt: number | null;
}

/**
 * `connecting` until the first response, because only then somebody is known to be there, or until the connection is up where a
 * delta server need not respond, having heard what is in force; `idle`: nothing is watched.
 */
export type AdsStreamState = 'idle' | 'connecting' | 'connected' | 'backoff' | 'closed';

/** The two variants of the protocol: state of the world, or incremental. */
export type AdsVariant = 'sotw' | 'delta';

export interface AdsStreamStatus {
  readonly serverUri: string;
  /** Who has the stream, where this is not the one that goes to the server: `the main thread`. Null for an own stream. */
  readonly via: string | null;
  /** What is spoken, or will be with the next stream. */
  readonly variant: AdsVariant;
  readonly state: AdsStreamState;
  readonly connected: boolean;
  /** Milliseconds since the epoch at which `state` began. */
  readonly since: number;
  /** How the last stream failed; null where it did not, or the server is connected again. */
  readonly lastError: string | null;
}

export interface AdsStatus {
  /** The stream of the server in force. */
  readonly stream: AdsStreamStatus;
  /** The stream of each server, in the order of preference; one that is not needed is `idle`. */
  readonly servers: readonly AdsStreamStatus[];
  readonly resources: readonly ResourceStatus[];
}

/** Envoy's counters of a server, bumped in place. */
export interface ControlPlaneStats {
  /** A gauge: 1 from a stream's first response to its end. */
  connected_state: number;
  /** Streams that were opened. */
  stream_opened: number;
  /** Streams that ended without a response, or in garbage. */
  stream_failed: number;
}

/** Envoy's counters of one resource type (`cluster_manager.cds.update_success` …), and gRPC's (gRFC A78), bumped in place. */
export interface ResourceTypeStats {
  /** Responses that came. */
  update_attempt: number;
  /** Responses of which everything was accepted. */
  update_success: number;
  /** Responses of which something was refused. */
  update_rejected: number;
  /** Streams that failed while this type was subscribed. */
  update_failure: number;
  /** Resources that were decoded and accepted; unchanged ones are not counted. */
  resource_updates_valid: number;
  /** Resources that were refused. */
  resource_updates_invalid: number;
  /** Resources that did not come in time. */
  init_fetch_timeout: number;
}

export interface AdsStats {
  /** Of the first server. */
  readonly control_plane: ControlPlaneStats;
  /** Of each server, in the order of preference. */
  readonly servers: readonly ControlPlaneStats[];
  readonly types: { readonly [K in Kind]: ResourceTypeStats };
}

export function newControlPlaneStats(): ControlPlaneStats {
  return { connected_state: 0, stream_opened: 0, stream_failed: 0 };
}

export function newResourceTypeStats(): ResourceTypeStats {
  return {
    update_attempt: 0,
    update_success: 0,
    update_rejected: 0,
    update_failure: 0,
    resource_updates_valid: 0,
    resource_updates_invalid: 0,
    init_fetch_timeout: 0,
  };
}
