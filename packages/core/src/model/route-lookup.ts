/** How the cluster of a call is asked for. (grpc.lookup.v1.RouteLookupConfig, in the way gRPC reads it) */
export interface RouteLookupConfig {
  /** At least one; no two for the same method. */
  readonly keyBuilders: readonly GrpcKeyBuilder[];
  /** Target of the lookup service, such as `dns:///lookup.example:443`. */
  readonly lookupService: string;
  /** Milliseconds; 10,000 by default, as gRPC's. */
  readonly lookupServiceTimeoutMs: number;
  /** Milliseconds that an answer may be used; at most, and by default, five minutes: a bad answer must not stay for ever. */
  readonly maxAgeMs: number;
  /** Milliseconds after which an answer in use is asked for anew; `maxAgeMs` for none. */
  readonly staleAgeMs: number;
  /** Rough bound of what is remembered. */
  readonly cacheSizeBytes: number;
  /** The cluster of calls for which the lookup fails; empty for none. */
  readonly defaultTarget: string;
}

/** What the lookup service is told of a call. (grpc.lookup.v1.GrpcKeyBuilder) */
export interface GrpcKeyBuilder {
  /** An empty method stands for all of the service's. */
  readonly names: readonly { readonly service: string; readonly method: string }[];
  /** Of the names the first whose header the call has. */
  readonly headers: readonly { readonly key: string; readonly names: readonly string[] }[];
  /** Keys under which host, service and method are told; empty for not at all. */
  readonly extraKeys: { readonly host: string; readonly service: string; readonly method: string };
  readonly constantKeys: Readonly<Record<string, string>>;
}
