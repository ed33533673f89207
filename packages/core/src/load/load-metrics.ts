import type { Endpoint } from '../cluster/endpoint.ts';
import type { Headers } from '../headers.ts';
import type { ClusterLoad } from './cluster-load.ts';
import { metricTaker, type OrcaCodec } from './orca.ts';

/** Takes the metrics that a feed asks for out of the responses of one cluster, into its load. */
export class LoadMetrics {
  readonly #take: ReturnType<typeof metricTaker>;
  readonly #codec: OrcaCodec;
  readonly #load: ClusterLoad;

  constructor(names: readonly string[], codec: OrcaCodec, load: ClusterLoad) {
    this.#take = metricTaker(names);
    this.#codec = codec;
    this.#load = load;
  }

  /** True where there was a report. */
  read(headers: Headers, endpoint: Endpoint): boolean {
    const report = this.#codec(headers);
    if (report === null) return false;
    this.#take(report, (name, value) => this.#load.addMetric(endpoint, name, value));
    return true;
  }
}
