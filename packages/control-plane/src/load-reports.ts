import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { LoadStatsRequest, LoadStatsResponse } from '@inmesh/api/gen/envoy/service/load_stats/v3/lrs_pb';
import { type GrpcServerMethod, type GrpcServerStream, grpcCode } from '@inmesh/transports/rpc';
import type { OnEvent } from './events.ts';

/** What clients are asked to report of their load. (LRS v3) */
export interface LoadReportOptions {
  /** Milliseconds between two reports. Default 10,000: often enough to watch, and little beside the calls. */
  readonly intervalMs?: number;
  /** Names of clusters. Default: all. */
  readonly clusters?: readonly string[];
  /** Also of each endpoint by itself. Default false. */
  readonly endpoints?: boolean;
}

export const loadReportPath = '/envoy.service.load_stats.v3.LoadReportingService/StreamLoadStats';

/** Asks clients for reports of their load, and tells what they report. */
export class LoadReports {
  readonly #onEvent: OnEvent;
  readonly #streams = new Set<GrpcServerStream>();
  #options: LoadReportOptions;

  constructor(options: LoadReportOptions, onEvent: OnEvent) {
    this.#options = options;
    this.#onEvent = onEvent;
  }

  /** Changes what is asked for, also of clients that are connected. */
  ask(options: LoadReportOptions): void {
    this.#options = options;
    for (const stream of this.#streams) stream.send(this.#response());
  }

  readonly method: GrpcServerMethod = (stream) => {
    let node: string | null = null;
    return {
      onMessage: (message) => {
        const type = messageType<LoadStatsRequest>('envoy.service.load_stats.v3.LoadStatsRequest');
        const { clusterStats, node: sender } = fromBinary(type, message);
        if (node === null) {
          node = sender?.id ?? '';
          this.#streams.add(stream);
          stream.send(this.#response());
        }
        if (clusterStats.length > 0) this.#onEvent({ type: 'load', node, clusters: clusterStats });
      },
      onHalfClose: () => stream.end({ code: grpcCode.ok, message: '' }),
      onClose: () => this.#streams.delete(stream),
    };
  };

  /** Ends every stream. */
  end(code: number, message: string): void {
    for (const stream of this.#streams) stream.end({ code, message });
  }

  #response(): Uint8Array {
    const { intervalMs = 10_000, clusters, endpoints = false } = this.#options;
    const type = messageType<LoadStatsResponse>('envoy.service.load_stats.v3.LoadStatsResponse');
    const seconds = Math.floor(intervalMs / 1_000);
    return toBinary(
      type,
      create(type, {
        clusters: [...(clusters ?? [])],
        sendAllClusters: clusters === undefined,
        loadReportingInterval: { seconds: BigInt(seconds), nanos: Math.round((intervalMs - seconds * 1_000) * 1e6) },
        reportEndpointGranularity: endpoints,
      }),
    );
  }
}
