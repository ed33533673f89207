import { attempt, balance, clusterSupport, endpoint } from './attempt.ts';
import { compose, type Dispatch } from './dispatch.ts';
import { filters } from './filters/filters.ts';
import { type HoldOptions, hold, holdAgain } from './hold.ts';
import { connectionManager } from './manager/connection-manager.ts';
import { streamTimers } from './manager/stream-timers.ts';
import { deadline } from './resilience/deadline.ts';
import { perTry } from './resilience/per-try.ts';
import { retry } from './resilience/retry.ts';
import { finalize } from './router/finalize.ts';
import { type MirrorParts, mirror } from './router/mirror.ts';
import { router } from './router/router.ts';
import { type ObserveParts, observe } from './telemetry/observe.ts';
import type { Random } from './util/random.ts';
import type { TimerWheel } from './util/timer-wheel.ts';

export interface OutboundParts extends HoldOptions, ObserveParts, MirrorParts {
  readonly random: Random;
  readonly wheel: TimerWheel;
  readonly requestId: () => string;
}

/**
 * The whole client stack in the order of a request, the outermost layer first. "Outer" is nearer to the caller.
 */
export function outbound(parts: OutboundParts): Dispatch {
  // What a copy of a request goes through: the time of its route and the limits of its cluster, and no second attempt.
  const once = compose([deadline(parts), clusterSupport(), balance(), endpoint()], connection);
  const inner: Dispatch = compose(
    [
      // Before the router, which needs the routes; inside observe, so that waiting counts as part of the call.
      hold(parts),
      // As soon as it is known which listener's: routes are chosen by what this makes of the request. It sees every answer but those of hold.
      connectionManager(parts),
      // Selection only. What changes the request comes after the filters, which may ask for another choice.
      router(),
      // Knows the route, which may bring its own; around the filters, whose delays count.
      streamTimers(parts),
      // The feed's own, in its order: they may answer, wait, change the request and so its route. Outside the timers of the call.
      filters(parts),
      // After the filters, one of which may have led the call to a cluster that nobody has asked for yet.
      holdAgain(parts),
      // Answers of the route itself end here: no deadline, no retry, no cluster is theirs. A redirect that is followed begins anew, with hold.
      finalize({ ...parts, again: (call, handler) => inner(call, handler) }),
      // Around all attempts: a retry must not buy a call more time than its route gives.
      deadline(parts),
      // Inside the deadline, which is the request's and not its copies'; above retry: attempts are not copied.
      mirror(parts, once),
      // Above the choice of the host, so that each attempt chooses anew; above the connections, so that each counts against the limits.
      retry(parts),
      // One attempt from here on.
      attempt(parts),
      // Refuses before a host is chosen: it says nothing against any.
      clusterSupport(),
      balance(),
      // Knows the host; sees the attempt's own outcome, not what a retry makes of it.
      endpoint(),
      // Innermost: it must not count the time that the call waits for a connection.
      perTry(parts.wheel),
    ],
    connection,
  );
  // Outermost: it must see every outcome, also those of layers that never reach an endpoint, once and in their final form.
  return observe(parts)(inner);
}

/** Hands the attempt to a pooled connection of its host. */
function connection(...[call, handler]: Parameters<Dispatch>): void {
  const { cluster, endpoint } = call;
  if (cluster === null || endpoint === null) throw new TypeError('a call reached the connection without an endpoint');
  cluster.connect(endpoint, call, handler);
}
