import type { Call } from '../call.ts';
import { shownRequest } from '../format/shown.ts';
import type { Headers } from '../headers.ts';
import type { Clock } from '../util/clock.ts';

/** Does what the route and its levels say to the headers of an answer, whoever gives it. (`response_headers_to_add`, `…_to_remove`) */
export function mutateResponse(call: Call, clock: Clock, status: number, headers: Headers): void {
  const mutate = call.share === null ? call.route?.mutateResponse : call.share.mutateResponse;
  if (mutate === null || mutate === undefined) return;
  mutate(headers, { ...shownRequest(call, clock.wallNow()), status, responseHeaders: headers });
}
