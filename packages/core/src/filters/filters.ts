import type { Call } from '../call.ts';
import type { Dispatch, Handler, Layer } from '../dispatch.ts';
import { FailureReplies } from '../local-reply.ts';
import { noteCluster, selectRoute } from '../router/router.ts';
import type { Clock } from '../util/clock.ts';
import { EMPTY_CHAIN, type HttpFilterChain } from './chain.ts';
import type { FilterFactory, FilterReply, HttpFilter } from './filter.ts';
import { sendReply } from './reply.ts';
import { type FilterRun, Stage } from './stage.ts';

/** Leads a call through the filters that the feed puts in front of its route. */
export function filters({ clock }: { readonly clock: Clock }): Layer {
  return (next) => (call, handler) => {
    const chain = chainOf(call);
    if (chain.refusal !== null) handler.onResponseError(chain.refusal);
    else if (chain.empty) next(call, handler);
    else new Run(chain, clock, next, call, handler).continue();
  };
}

/** Of the chosen route; where there is none the listener's own, because filters come before the answer that nothing matches. */
function chainOf(call: Call): HttpFilterChain {
  return call.route?.filters(call) ?? call.table?.filters ?? EMPTY_CHAIN;
}

const NONE: readonly FilterFactory[] = [];

/** One call on its way through a chain. */
class Run implements FilterRun {
  readonly call: Call;
  readonly #clock: Clock;
  readonly #next: Dispatch;
  readonly #caller: Handler;
  /** As Envoy has it: which filters take part is settled by the first route, how they are configured by the one in force. */
  readonly #first: HttpFilterChain;
  #chain: HttpFilterChain;
  #index = 0;
  /** What takes the place of an entry that stands for others, as far as the call has not met it. */
  #chosen: readonly FilterFactory[] = NONE;
  /** Who hears of the response: the stage of the last filter so far that looks at it. */
  #handler: Handler;
  #routed: boolean;

  constructor(chain: HttpFilterChain, clock: Clock, next: Dispatch, call: Call, handler: Handler) {
    this.call = call;
    this.#clock = clock;
    this.#next = next;
    this.#caller = handler;
    this.#first = chain;
    this.#chain = chain;
    this.#handler = handler;
    this.#routed = call.route !== null;
  }

  continue(): void {
    for (;;) {
      this.#followRoute();
      const filter = this.#create();
      if (filter === null) break;
      const listens = looksAtResponse(filter);
      const stage = new Stage(this, filter, this.#handler, listens);
      if (listens) this.#handler = stage;
      if (filter.onRequestHeaders !== undefined && !stage.request()) return;
    }
    const handler = this.#handler;
    // What fails further in is answered below the filters that look at responses, so that they see the answer as Envoy's do.
    this.#next(this.call, handler === this.#caller ? handler : new FailureReplies(this.call, this.#clock, handler));
  }

  answer(reply: FilterReply): void {
    noteCluster(this.call);
    for (let filter = this.#create(true); filter !== null; filter = this.#create(true)) {
      if (looksAtResponse(filter)) this.#handler = new Stage(this, filter, this.#handler, true);
    }
    sendReply(this.call, this.#handler, reply, this.#clock);
  }

  /** Chooses anew where a filter took the choice back. */
  #followRoute(): void {
    const { call } = this;
    if (call.route !== null || !this.#routed) return;
    this.#routed = selectRoute(call) !== null;
    this.#chain = chainOf(call);
  }

  /** The next filter that has a part in the call; null when there is none left. */
  #create(answered = false): HttpFilter | null {
    for (let factory = this.#take(); factory !== null; factory = this.#take()) {
      if (factory.choose !== undefined) {
        this.#chosen = [...factory.choose(this.call, answered), ...this.#chosen];
        continue;
      }
      const filter = factory.create(this.call);
      if (filter !== null) return filter;
    }
    return null;
  }

  /** The next in line: what was chosen in the place of another comes first. */
  #take(): FilterFactory | null {
    const first = this.#chosen[0];
    if (first !== undefined) {
      this.#chosen = this.#chosen.slice(1);
      return first;
    }
    const { entries } = this.#first;
    while (this.#index < entries.length) {
      const index = this.#index++;
      if (entries[index]?.state === 'disabled') continue;
      const factory = this.#chain.entries[index]?.factory ?? null;
      if (factory !== null) return factory;
    }
    return null;
  }
}

function looksAtResponse(filter: HttpFilter): boolean {
  return (
    filter.onResponseHeaders !== undefined ||
    filter.onResponseData !== undefined ||
    filter.onResponseTrailers !== undefined ||
    filter.onDone !== undefined
  );
}
