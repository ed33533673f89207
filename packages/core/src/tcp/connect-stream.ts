import type { BytesCallback } from '../cluster/byte-streams.ts';
import { isMeshError, type MeshError } from '../errors.ts';
import type { TcpProxy } from '../model/tcp-proxy.ts';
import { jitteredBackoff } from '../resilience/backoff.ts';
import type { Clock } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { Random } from '../util/random.ts';
import type { TcpTarget } from './tcp-target.ts';

interface ConnectStreamParts {
  readonly proxy: TcpProxy;
  readonly target: TcpTarget;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Tries hosts of a cluster, one after the other, as often as the proxy says; each is a new choice of the balancer. What limits refuse,
 * or that there is no host, is final. The result gives it up.
 */
export function connectStream(
  { proxy, target, clock, random }: ConnectStreamParts,
  settled: BytesCallback,
): () => void {
  const { maxConnectAttempts, backoff } = proxy;
  const { cluster, call } = target;
  let attempts = 0;
  let cancel = () => {};
  let over = false;
  const settle: BytesCallback = (error, stream) => {
    if (over) return;
    over = true;
    settled(error, stream);
  };
  const attempt = () => {
    const endpoint = cluster.pick(call);
    if (isMeshError(endpoint)) {
      queueMicrotask(() => settle(endpoint, null));
      return;
    }
    attempts++;
    const opening = cluster.connectBytes(endpoint, call, (error, stream) => {
      if (error === null) settle(null, stream);
      else refused(error);
    });
    cancel = () => opening.cancel();
  };
  const refused = (error: MeshError) => {
    if (error.code !== 'connection_failure') {
      settle(error, null);
    } else if (attempts >= maxConnectAttempts) {
      cluster.stats.upstream_cx_connect_attempts_exceeded++;
      settle(error, null);
    } else if (backoff === null) {
      attempt();
    } else {
      const pauseMs = jitteredBackoff(backoff.baseMs, backoff.maxMs, attempts, random);
      const timer = outsideContext(() => clock.setTimer(pauseMs, attempt));
      cancel = () => timer.cancel();
    }
  };
  attempt();
  return () => {
    if (over) return;
    over = true;
    cancel();
  };
}
