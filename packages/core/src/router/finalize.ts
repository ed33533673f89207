import type { Call } from '../call.ts';
import { leavesMesh } from '../cluster/original-destination.ts';
import { countStatus } from '../cluster/stats.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { isMeshError, MeshError } from '../errors.ts';
import { shownRequest } from '../format/shown.ts';
import type { Headers } from '../headers.ts';
import { localReply } from '../local-reply.ts';
import { timeoutOf } from '../resilience/deadline.ts';
import type { Clock } from '../util/clock.ts';
import { followRedirects, type InternalRedirectParts } from './internal-redirect.ts';
import { mutateResponse } from './response-headers.ts';
import type { RouteEntry } from './route-entry.ts';
import { routeRefusal } from './router.ts';
import { malformed } from './well-formed.ts';

export interface FinalizeParts extends InternalRedirectParts {
  readonly clock: Clock;
}

/** Does what the chosen route says: answers by itself, or chooses the cluster and completes the request's headers. */
export function finalize(parts: FinalizeParts): Layer {
  const { clock } = parts;
  return (next) => (call, handler) => {
    const refusal = routeRefusal(call);
    if (refusal !== null) {
      handler.onResponseError(refusal);
      return;
    }
    const route = call.route as RouteEntry;
    const error = route.answer === null ? null : malformed(call.head);
    if (error !== null) {
      // As if it had met no route, as in Envoy: what the route adds to answers may be taken from the very text that is wrong.
      call.route = null;
      handler.onResponseError(error);
      return;
    }
    route.stats.upstream_rq_total++;
    const counted = new RouteHandler(call, clock, handler);
    if (route.answer !== null) {
      localReply(call, counted, route.answer(shownRequest(call, clock.wallNow())));
      return;
    }
    const share = route.choose(call);
    call.share = share;
    const cluster = share?.clusterOf(call) ?? route.noCluster();
    if (isMeshError(cluster)) {
      counted.onResponseError(cluster);
      return;
    }
    const { config } = cluster;
    if (leavesMesh(config)) {
      // Untouched, as it came.
      call.passes = call.context.passThrough !== null;
      counted.onResponseError(
        new MeshError('not_in_mesh', 'the route leaves the call to its original destination, outside the mesh', {
          authority: call.head.authority,
          cluster: cluster.name,
        }),
      );
      return;
    }
    call.cluster = cluster;
    const dropped = cluster.drops.draw();
    if (dropped !== null) {
      counted.onResponseError(dropped);
      return;
    }
    const { headers } = call.head;
    const { retryPolicy } = route;
    const timeoutMs = timeoutOf(call);
    const perTryMs = retryPolicy.perTryTimeoutMs;
    // What the server has for this attempt: the shorter of the two, as Envoy sends it.
    const expectedMs = perTryMs > 0 && (timeoutMs === 0 || perTryMs < timeoutMs) ? perTryMs : timeoutMs;
    if (expectedMs > 0 && route.envoyHeaders) headers.set('x-envoy-expected-rq-timeout-ms', `${expectedMs}`);
    share?.prepare(call, clock);
    if (route.envoyHeaders) counted.tellServiceTime();
    const { internalRedirects } = route;
    next(call, internalRedirects === null ? counted : followRedirects(parts, internalRedirects, call, counted));
  };
}

/** Counts what the route's calls came to, and tells how long the service took. */
class RouteHandler extends PassHandler {
  readonly #call: Call;
  readonly #clock: Clock;
  #tellsTime = false;
  /** When the request was complete; -1 before. */
  #completeAt = -1;

  constructor(call: Call, clock: Clock, handler: Handler) {
    super(handler);
    this.#call = call;
    this.#clock = clock;
  }

  /** `x-envoy-upstream-service-time`: from the end of the request to the headers of the response, which a service gives. */
  tellServiceTime(): void {
    this.#tellsTime = true;
    const { body, head } = this.#call;
    // Until its answer comes, a request for another protocol may have more to say.
    if (head.upgrade !== null) this.#tellsTime = false;
    else if (body === null || body.bytes !== null) this.#completeAt = this.#clock.now();
  }

  override onRequestSent(complete: boolean): void {
    if (complete && this.#completeAt < 0) this.#completeAt = this.#clock.now();
    this.next.onRequestSent(complete);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    const { route } = this.#call;
    if (route !== null) {
      countStatus(route.stats, status);
      if (this.#tellsTime && this.#completeAt >= 0) {
        const ms = `${Math.floor(this.#clock.now() - this.#completeAt)}`;
        if (headers.has('x-envoy-upstream-service-time')) headers.set('x-envoy-upstream-service-time', ms);
        else headers.append('x-envoy-upstream-service-time', ms);
      }
      for (const cookie of this.#call.cookies ?? []) headers.append('set-cookie', cookie);
      mutateResponse(this.#call, this.#clock, status, headers);
    }
    this.next.onResponseStart(status, headers, message);
  }
}
