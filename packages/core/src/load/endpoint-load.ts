import type { Endpoint } from '../cluster/endpoint.ts';
import type { Locality } from '../model/endpoint.ts';
import { addTo, type EndpointSums, type MetricSum } from './load-sums.ts';

/**
 * What one endpoint did since the last report: the difference of counters that are kept anyway, so that calls pay nothing for being
 * reported. Only the metrics of the server's own reports are added up here.
 */
export class EndpointLoad {
  readonly endpoint: Endpoint;
  /** Where it was when this began. */
  readonly locality: Locality;
  readonly priority: number;
  #issued: number;
  #succeeded: number;
  #errored: number;
  #metrics: Map<string, MetricSum> = new Map();

  constructor(endpoint: Endpoint) {
    this.endpoint = endpoint;
    this.locality = endpoint.locality;
    this.priority = endpoint.priority;
    const { rq_total: issued, rq_success: succeeded, rq_error: errored } = endpoint.stats;
    this.#issued = issued;
    this.#succeeded = succeeded;
    this.#errored = errored;
  }

  /** True where the endpoint still is where it was. */
  get inPlace(): boolean {
    const { region, zone, subZone } = this.endpoint.locality;
    const before = this.locality;
    if (this.priority !== this.endpoint.priority) return false;
    return region === before.region && zone === before.zone && subZone === before.subZone;
  }

  /** Calls are in flight. */
  get busy(): boolean {
    return this.endpoint.stats.rq_active > 0;
  }

  addMetric(name: string, value: number): void {
    addTo(this.#metrics, name, { count: 1, total: value });
  }

  /** The sums, which begin anew with this. */
  take(): EndpointSums {
    const { rq_total: issued, rq_success: succeeded, rq_error: errored, rq_active: inProgress } = this.endpoint.stats;
    const sums = {
      endpoint: this.endpoint,
      issued: issued - this.#issued,
      succeeded: succeeded - this.#succeeded,
      errored: errored - this.#errored,
      inProgress,
      metrics: this.#metrics,
    };
    this.#issued = issued;
    this.#succeeded = succeeded;
    this.#errored = errored;
    this.#metrics = new Map();
    return sums;
  }
}
