import type { ClusterStats } from '@inmesh/api/gen/envoy/config/endpoint/v3/load_report_pb';
import type { MeshError } from '@inmesh/core';

/** What a control plane tells while it runs. */
export type ControlPlaneEvent =
  /** The resources that are served changed; `files` is empty for those from code. */
  | { readonly type: 'loaded'; readonly files: number; readonly resources: number; readonly node: string | null }
  /** A file cannot be used. Told once for each mistake. */
  | {
      readonly type: 'bad-file';
      readonly file: string;
      readonly error: MeshError;
      /** The last good version of the file stays served; false if there never was one. */
      readonly stillServed: boolean;
    }
  | { readonly type: 'connected'; readonly node: string; readonly peer: string; readonly userAgent: string }
  | { readonly type: 'disconnected'; readonly node: string; readonly peer: string; readonly reason: string }
  | {
      readonly type: 'sent';
      readonly node: string;
      readonly typeUrl: string;
      readonly version: string;
      readonly resources: number;
    }
  | { readonly type: 'ack'; readonly node: string; readonly typeUrl: string; readonly version: string }
  | {
      readonly type: 'nack';
      readonly node: string;
      readonly typeUrl: string;
      /** The version that was rejected. */
      readonly version: string;
      readonly code: number;
      readonly message: string;
    }
  /** A client told what its clusters were given to do. */
  | { readonly type: 'load'; readonly node: string; readonly clusters: readonly ClusterStats[] };

/** Hears events; must not throw. */
export type OnEvent = (event: ControlPlaneEvent) => void;
