import type {
  CircuitBreakers,
  CircuitBreakers_Thresholds,
} from '@inmesh/api/gen/envoy/config/cluster/v3/circuit_breaker_pb';
import { type ClusterConfig, DEFAULT_THRESHOLDS, type RoutingPriority, type Thresholds } from '@inmesh/core';
import { enumName } from './decoding.ts';

/** The first thresholds of each priority count, as in Envoy; `per_host_thresholds` are not read by this version. */
export function decodeCircuitBreakers(message: CircuitBreakers | undefined): ClusterConfig['thresholds'] {
  const of = (priority: RoutingPriority): Thresholds => {
    const found = message?.thresholds.find((each) => priorityOf(each) === priority);
    return found === undefined ? DEFAULT_THRESHOLDS : decodeThresholds(found);
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
  };
}
