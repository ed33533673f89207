import type { Call } from '../call.ts';
import type { Handler } from '../dispatch.ts';
import type { MeshError } from '../errors.ts';
import { localReply } from '../local-reply.ts';
import type { FilterReply } from './filter.ts';

const encoder = new TextEncoder();

/** A failure as a filter's answer: its status and its text. */
export function failure(error: MeshError): FilterReply {
  return { status: error.status, body: error.body, error };
}

/** A filter's answer, as an error where it is a failure and the caller asked for errors. */
export function sendReply(call: Call, handler: Handler, reply: FilterReply): void {
  const { status, body = '', contentType = 'text/plain', headers = [], grpcStatus = null, error = null } = reply;
  if (error !== null && call.context.failAs === 'error') {
    handler.onResponseError(error);
    return;
  }
  call.failure = error?.after(call.flags) ?? null;
  const bytes = typeof body === 'string' ? encoder.encode(body) : body;
  localReply(call, handler, { status, body: bytes, contentType, headers, grpcStatus });
}
