import { type HostSet, hostSet } from '../balance/host-set.ts';
import type { Call, OverrideHost } from '../call.ts';
import { MeshError } from '../errors.ts';
import type { ClusterConfig } from '../model/cluster.ts';
import { chosenEndpoint } from '../overrides/chosen-endpoint.ts';
import type { Random } from '../util/random.ts';
import { type Endpoint, isHealthy } from './endpoint.ts';
import type { ClusterStats } from './stats.ts';

/** Which host of a cluster a call goes to: as the caller wishes, a filter asks, or the balancer chooses. */
export class HostChoice {
  readonly #stats: ClusterStats;
  readonly #random: Random;
  #name = '';
  #endpoints: ReadonlyMap<string, Endpoint> = new Map();
  #hosts: HostSet;
  /** Hosts that the balancer was asked for ahead of the calls that they are for; those calls get them, in their order. */
  #predicted: Endpoint[] = [];

  constructor(config: ClusterConfig, stats: ClusterStats, random: Random) {
    this.#stats = stats;
    this.#random = random;
    this.#hosts = this.#table(config);
  }

  /** Others are to be chosen from, or otherwise. */
  rebuild(config: ClusterConfig, endpoints: ReadonlyMap<string, Endpoint>): void {
    this.#name = config.name;
    this.#endpoints = endpoints;
    this.#hosts = this.#table(config);
    this.#predicted = [];
    this.#stats.membership_total = endpoints.size;
    this.#stats.membership_healthy = this.#hosts.healthy;
  }

  /** A host for the call, other than those it was sent to before if there is one; or the reason why there is none. */
  pick(call: Call): Endpoint | MeshError {
    const wish = call.overrides?.endpoint ?? null;
    if (wish !== null) {
      return chosenEndpoint(call, wish, { cluster: this.#name, endpoints: this.#endpoints, random: this.#random });
    }
    const asked = call.overrideHost === null ? null : this.#override(call, call.overrideHost);
    if (asked !== null) return asked;
    const endpoint = this.#next(call);
    if (endpoint === null) {
      this.#stats.upstream_cx_none_healthy++;
      return new MeshError(
        'no_healthy_upstream',
        this.#endpoints.size === 0
          ? 'the cluster has no endpoints'
          : `none of ${this.#endpoints.size} endpoints is healthy`,
        { cluster: this.#name },
      );
    }
    if (this.#hosts.panic) this.#stats.lb_healthy_panic++;
    return call.previous === null ? endpoint : this.#other(call, endpoint, call.previous);
  }

  /** The host of the call after those that were predicted; null where as many were predicted as there are hosts, as in Envoy. */
  predict(call: Call): Endpoint | null {
    if (this.#predicted.length >= this.#hosts.healthy) return null;
    const host = this.#hosts.pick(call);
    if (host !== null) this.#predicted.push(host);
    return host;
  }

  #next(call: Call): Endpoint | null {
    return this.#predicted.shift() ?? this.#hosts.pick(call);
  }

  /** The host that a filter asks for, if it may be called; only for the first attempt, as in Envoy. */
  #override({ attempt }: Call, { host, strict, strictStatus: status }: OverrideHost): Endpoint | MeshError | null {
    if (attempt > 1) return null;
    const endpoint = this.#endpoints.get(host);
    if (endpoint !== undefined && (isHealthy(endpoint.health) || endpoint.health === 'degraded')) return endpoint;
    if (!strict) return null;
    const why = `the session is on ${host}, which may not be called, and it must not move (strict)`;
    return new MeshError('no_healthy_upstream', why, { cluster: this.#name, status });
  }

  /** Picks again, as often as the route allows, to avoid hosts that were tried. (previous_hosts) */
  #other(call: Call, first: Endpoint, previous: readonly Endpoint[]): Endpoint {
    let endpoint = first;
    const attempts = call.route?.retryPolicy.hostSelectionRetryMaxAttempts ?? 1;
    for (let i = 0; i < attempts && previous.includes(endpoint); i++) endpoint = this.#next(call) ?? endpoint;
    return endpoint;
  }

  #table({ lb, healthyPanicThreshold }: ClusterConfig): HostSet {
    return hostSet([...this.#endpoints.values()], { lb, healthyPanicThreshold, random: this.#random });
  }
}
