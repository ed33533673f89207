import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { MeshError } from '../errors.ts';
import { Headers } from '../headers.ts';
import { localReply } from '../local-reply.ts';
import { mutateByRoute } from '../router/response-headers.ts';
import type { Clock } from '../util/clock.ts';
import type { FilterReply } from './filter.ts';

const encoder = new TextEncoder();

/** A failure as a filter's answer: its status and its text. */
export function failure(error: MeshError): FilterReply {
  return { status: error.status, body: error.body, error };
}

/**
 * A filter's answer, as an error where it is a failure and the caller asked for errors. What the route does to the headers of answers is
 * done to one that comes in the place of a service's, too, as Envoy does it: not where the route answers by itself. Null for `clock`: it was
 * done to the answer in whose place this one comes.
 */
export function sendReply(call: Call, handler: Handler, reply: FilterReply, clock: Clock | null): void {
  const { status, body = '', contentType = 'text/plain', headers = [], grpcStatus = null, error = null } = reply;
  if (error !== null && call.context.failAs === 'error') {
    handler.onResponseError(error);
    return;
  }
  call.failure = error?.after(call.flags) ?? null;
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  const own = Headers.from([...headers]);
  if (clock !== null && call.route !== null && call.route.answer === null) mutateByRoute(call, clock, status, own);
  localReply(call, handler, { status, body: bytes, contentType, headers: own.flat(), grpcStatus });
}
