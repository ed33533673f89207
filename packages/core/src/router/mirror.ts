import type { Body } from '../body.ts';
import { Call, type Head } from '../call.ts';
import { type Dispatch, type Handler, type Layer, PassHandler } from '../dispatch.ts';
import { isMeshError } from '../errors.ts';
import { shownRequest } from '../format/shown.ts';
import { requestHeader } from '../format/values.ts';
import type { ForwardAction } from '../model/route.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { TappedBody } from '../tapped-body.ts';
import type { Clock } from '../util/clock.ts';
import type { Random } from '../util/random.ts';
import type { Mirror } from './compile-mirrors.ts';

export interface MirrorParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly runtime: Runtime;
}

/**
 * Sends copies of requests to further clusters, and forgets about them: their answers are read and dropped, their failures are counted
 * at their clusters and nowhere else. A copy leaves when the request is complete. One with a streamed body is kept while it is
 * sent, up to 1 MiB: of a longer one there is no copy, as in Envoy. `send` is one attempt to the cluster of a call.
 */
export function mirror({ clock, random, runtime }: MirrorParts, send: Dispatch): Layer {
  return (next) => (call, handler) => {
    const { route } = call;
    if (route === null || route.mirrors.length === 0) return next(call, handler);
    const wanted = route.mirrors.filter((each) => isSampled(each, runtime, call.randomValue(random)));
    if (wanted.length === 0) return next(call, handler);
    // As the request is now: attempts change it further.
    const copies = wanted.map((each) => copyOf(each, call, clock)).filter((each) => each !== null);
    const shadow = (body: Body | null) => {
      for (const copy of copies) {
        copy.body = body;
        send(copy, SILENT);
      }
    };
    const { body } = call;
    if (body === null || body.bytes !== null) {
      next(call, handler);
      shadow(body);
      return;
    }
    const tapped = new TappedBody(body);
    call.body = tapped;
    next(call, new MirrorHandler(tapped, shadow, handler));
  };
}

/** The number by which routes and weights are chosen decides here too, as in Envoy. */
function isSampled({ policy: { fraction } }: Mirror, runtime: Runtime, random: number): boolean {
  return fraction === null || runtime.featureEnabled(fraction.runtimeKey, fraction.defaultValue, random);
}

/** Null where there is no cluster to send it to. */
function copyOf({ policy, clusterOf, mutate }: Mirror, call: Call, clock: Clock): Call | null {
  const action = call.route?.config.action as ForwardAction;
  const name = policy.clusterHeader === '' ? policy.cluster : (requestHeader(call.head, policy.clusterHeader) ?? '');
  const cluster = name === '' ? null : clusterOf(name, action);
  if (cluster === null || isMeshError(cluster)) return null;
  const head = { ...call.head, headers: call.head.headers.copy() };
  const copy = new Call(head, null, { ...call.context, failAs: 'error', overrides: null, passThrough: null });
  copy.route = call.route;
  copy.cluster = cluster;
  mutate?.(head.headers, shownRequest(call, clock.wallNow()));
  if (policy.hostRewrite !== '') head.authority = policy.hostRewrite;
  else if (policy.shadowSuffix) addSuffix(head);
  // So Envoy marks requests of its own.
  head.headers.set('x-envoy-internal', 'true');
  return copy;
}

function addSuffix(head: Head): void {
  const parts = head.authority.split(':');
  head.authority = parts.length === 2 ? parts.join('-shadow:') : `${head.authority}-shadow`;
}

class MirrorHandler extends PassHandler {
  readonly #body: TappedBody;
  readonly #shadow: (body: Body) => void;
  #done = false;

  constructor(body: TappedBody, shadow: (body: Body) => void, handler: Handler) {
    super(handler);
    this.#body = body;
    this.#shadow = shadow;
  }

  override onRequestSent(complete: boolean): void {
    this.next.onRequestSent(complete);
    if (!complete || this.#done) return;
    this.#done = true;
    const copy = this.#body.copy();
    if (copy !== null) this.#shadow(copy);
  }
}

/** Hears out an answer that nobody waits for. */
const SILENT: Handler = {
  onRequestSent() {},
  onInformational() {},
  onUpgrade(_, __, socket) {
    socket.destroy();
  },
  onResponseStart() {},
  onResponseData() {},
  onResponseEnd() {},
  onResponseError() {},
};
