/** What one subject came to in one round. */
export interface Measured {
  readonly rps: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU time of the client process, all threads, per call. */
  readonly cpuUs: number;
  readonly calls: number;
  /** Calls among them that failed. */
  readonly errors: number;
}
