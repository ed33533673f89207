import type { Call } from '../call.ts';
import { shownRequest } from '../format/shown.ts';
import type { Headers } from '../headers.ts';
import type { Clock } from '../util/clock.ts';

/** Does what the route and its levels say to the headers of an answer, whoever gives it. (`response_headers_to_add`, `…_to_remove`) */
export function mutateByRoute(call: Call, clock: Clock, status: number, headers: Headers): void {
  const { route, share } = call;
  const mutate = share === null ? route?.mutateResponse : share.mutateResponse;
  mutate?.(headers, { ...shownRequest(call, clock.wallNow()), status, responseHeaders: headers });
}

/** The same for what comes from the route itself and further in, with the count of attempts where there was any. (`include_attempt_count_in_response`) */
export function mutateResponse(call: Call, clock: Clock, status: number, headers: Headers): void {
  const { route, cluster } = call;
  if (route === null) return;
  mutateByRoute(call, clock, status, headers);
  if (route.virtualHost.includeAttemptCountInResponse && cluster !== null) {
    headers.set('x-envoy-attempt-count', `${call.attempt}`);
  }
}
