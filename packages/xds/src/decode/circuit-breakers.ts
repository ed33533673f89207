import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
} from '@inmesh/api/gen/envoy/config/cluster/v3/circuit_breaker_pb';
import { type ClusterConfig, DEFAULT_THRESHOLDS, type RoutingPriority, type Thresholds } from '@inmesh/core';
import { enumName, otherFields, Refusal } from './decoding.ts';

/** All that may be limited for each host. */
const PER_HOST: ReadonlySet<string> = new Set(['priority', 'max_connections', 'track_remaining']);

/** The first thresholds of each priority count, as in Envoy. */
export function decodeCircuitBreakers(message: CircuitBreakers | undefined): ClusterConfig['thresholds'] {
  const perHost = message?.perHostThresholds ?? [];
  for (const [index, each] of perHost.entries()) {
    const [name] = otherFields(each, PER_HOST);
    if (name === undefined) continue;
    const place = `circuit_breakers.per_host_thresholds[${index}].${name}`;
    throw new Refusal(place, 'Unsupported field in per_host_thresholds: only max_connections is limited per host');
  }
  const of = (priority: RoutingPriority): Thresholds => {
    const found = message?.thresholds.find((each) => priorityOf(each) === priority);
    const maxConnectionsPerHost = perHost.find((each) => priorityOf(each) === priority)?.maxConnections;
    const thresholds = found === undefined ? DEFAULT_THRESHOLDS : decodeThresholds(found);
    return maxConnectionsPerHost === undefined ? thresholds : { ...thresholds, maxConnectionsPerHost };
  };
  return { default: of('default'), high: of('high') };
}

function priorityOf(message: CircuitBreakers_Thresholds): RoutingPriority {
  return enumName('envoy.config.core.v3.RoutingPriority', message.priority) === 'HIGH' ? 'high' : 'default';
}

function decodeThresholds(message: CircuitBreakers_Thresholds): Thresholds {
  const budget = message.retryBudget;
  return {
    maxConnections: message.maxConnections ?? DEFAULT_THRESHOLDS.maxConnections,
    maxPendingRequests: message.maxPendingRequests ?? DEFAULT_THRESHOLDS.maxPendingRequests,
    maxRequests: message.maxRequests ?? DEFAULT_THRESHOLDS.maxRequests,
    maxRetries: message.maxRetries ?? DEFAULT_THRESHOLDS.maxRetries,
    retryBudget:
      budget === undefined
        ? null
        : { budgetPercent: budget.budgetPercent?.value ?? 20, minRetryConcurrency: budget.minRetryConcurrency ?? 3 },
    maxConnectionPools: message.maxConnectionPools ?? DEFAULT_THRESHOLDS.maxConnectionPools,
    maxConnectionsPerHost: DEFAULT_THRESHOLDS.maxConnectionsPerHost,
    trackRemaining: message.trackRemaining,
  };
}
