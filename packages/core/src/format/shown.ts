import type { Call } from '../call.ts';
import type { Headers } from '../headers.ts';

/** What a format may show of an exchange, as far as it has come. */
export interface Shown {
  readonly call: Call;
  /** Milliseconds since the epoch: when the call began, and now. */
  readonly startedAt: number;
  readonly now: number;
  /** Null before the response. */
  readonly status: number | null;
  readonly responseHeaders: Headers | null;
  readonly responseTrailers: Headers | null;
  /** Envoy's `response_code_details` and flags; null before the response. */
  readonly details: string | null;
  readonly flags: string | null;
  /** Of a reply that the mesh itself gives. */
  readonly localReplyBody: string | null;
}

/** An exchange of which only the request has been seen. */
export function shownRequest(call: Call, now: number, startedAt: number = now): Shown {
  return {
    call,
    startedAt,
    now,
    status: null,
    responseHeaders: null,
    responseTrailers: null,
    details: null,
    flags: null,
    localReplyBody: null,
  };
}
