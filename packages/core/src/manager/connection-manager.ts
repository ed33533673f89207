import type { Call } from '../call.ts';
import { type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import { FailureReplies, localReply } from '../local-reply.ts';
import type { Clock } from '../util/clock.ts';
import type { AdmitParts, CompiledManager } from './compiled-manager.ts';

export interface ConnectionManagerParts {
  readonly clock: Clock;
  /** A new request id: a UUID, as Envoy's. */
  readonly requestId: () => string;
}

/** Does to requests what a sidecar's connection manager does before it routes them, and to responses what it does at last. */
export function connectionManager({ clock, requestId }: ConnectionManagerParts): Layer {
  const parts: AdmitParts = { requestId, now: () => clock.wallNow() };
  return (next) => (call, handler) => {
    const manager = call.table?.manager ?? null;
    if (manager === null) {
      next(call, handler);
      return;
    }
    const outer =
      manager.changesResponses && call.redirects === null
        ? new FailureReplies(call, clock, new ManagerHandler(manager, call, handler))
        : handler;
    const { rewriteReply } = manager;
    if (rewriteReply !== null) call.rewriteReply = (reply) => rewriteReply(call, reply, clock.wallNow());
    const admission = manager.admit(call, parts);
    if (admission === null) next(call, outer);
    else if (admission instanceof MeshError) outer.onResponseError(admission);
    else {
      const headers = ['location', admission.redirect];
      localReply(call, outer, { status: 307, body: NO_BODY, contentType: '', headers });
    }
  };
}

const NO_BODY = new Uint8Array();

class ManagerHandler extends PassHandler {
  readonly #manager: CompiledManager;
  readonly #call: Call;

  constructor(manager: CompiledManager, call: Call, handler: Handler) {
    super(handler);
    this.#manager = manager;
    this.#call = call;
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    this.#manager.changeResponse(this.#call, headers);
    this.next.onResponseStart(status, headers, message);
  }
}
