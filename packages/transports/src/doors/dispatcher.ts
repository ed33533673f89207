import { stringify } from 'node:querystring';
import { Call, type CallOverrides, type Dispatch, isMeshError } from '@inmesh/core';
import { adaptLegacyHandler, Dispatcher, errors } from '../undici/index.ts';
import { type Door, DoorExchange } from './door-exchange.ts';
import { requestHeaders } from './request-headers.ts';

/** Anything that undici's callers can dispatch to. */
export interface DispatcherLike {
  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean;
}

export interface DispatcherDoorOptions {
  /** The outbound stack. */
  readonly dispatch: Dispatch;
  /** Tells at once, from the address alone, whether the mesh has a say in a call to this host and port. */
  readonly isMesh: (host: string, port: number) => boolean;
  /** Refuses what is not the mesh's instead of letting it pass. */
  readonly refuse: ((authority: string) => Error) | null;
  /** Where calls go that are none of the mesh's: what was installed before, for callers of undici 8 and for those of older versions. */
  readonly previous: (legacy: boolean) => DispatcherLike;
  readonly failAs: 'response' | 'error';
  /** What the caller of a call asks for over the feed: from its options (`mesh`) and from where it is made. May throw. */
  readonly overrides: (options: unknown, target: string) => CallOverrides | null;
  /** Counts a call that passes by. */
  readonly onPassThrough: () => void;
}

/** A dispatch option that hears of the call that was made of it: how `mesh.fetch` finds out about its own. */
export const onCall: unique symbol = Symbol('inmesh.onCall');

interface Target {
  readonly mesh: boolean;
  /** Host and port, the port always there. */
  readonly authority: string;
  /** What is sent as `Host` where the caller gives none. */
  readonly host: string;
}

/** Origins remembered at most: a crawler's thousand hosts must not stay in memory for ever. */
const MAX_TARGETS = 1_000;

/** The mesh as an undici dispatcher: for undici 8 and, by way of undici's own adapter, for the handlers of 6 and 7. */
export class MeshDispatcher extends Dispatcher implements Door {
  readonly #options: DispatcherDoorOptions;
  readonly #targets = new Map<string, Target>();
  /** The origin of the call before, and what was found for it: most callers call one service at a time, and a comparison costs less than a look into the map. */
  #recent = '';
  #recentTarget: Target | null = null;

  constructor(options: DispatcherDoorOptions) {
    super();
    this.#options = options;
  }

  get failAs(): 'response' | 'error' {
    return this.#options.failAs;
  }

  get letsPass(): boolean {
    return this.#options.refuse === null;
  }

  /** Where a call goes that is none of the mesh's. */
  previous(legacy: boolean): DispatcherLike {
    return this.#options.previous(legacy);
  }

  pass(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler, legacy: boolean): boolean {
    this.#options.onPassThrough();
    return this.previous(legacy).dispatch(options, handler);
  }

  /**
   * Never asks the caller to wait for `drain`: how many calls may wait is the cluster's `max_pending_requests`. Calls that
   * are none of the mesh's go on as they came, handler and all.
   */
  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const legacy = isLegacy(handler);
    const own = legacy ? adaptLegacyHandler(handler) : handler;
    try {
      const target = this.#target(options.origin);
      if (target.mesh) {
        this.#enter(options, own, target, legacy ? handler : null);
        return true;
      }
      if (this.#options.refuse !== null) throw this.#options.refuse(target.authority);
    } catch (error) {
      if (typeof own.onResponseError !== 'function') throw error;
      own.onResponseError(null as never, asError(error));
      return true;
    }
    return this.pass(options, handler, legacy);
  }

  #enter(
    options: Dispatcher.DispatchOptions,
    handler: Dispatcher.DispatchHandler,
    target: Target,
    legacy: object | null,
  ): void {
    const { headers, host } = requestHeaders(options.headers);
    const overrides = this.#options.overrides((options as { readonly mesh?: unknown }).mesh, target.authority);
    const exchange = new DoorExchange(this, options, handler, legacy, target.authority, overrides);
    const { body, contentType, length } = exchange.takeBody();
    if (contentType !== null && !headers.has('content-type')) headers.append('content-type', contentType);
    if (length !== null && !headers.has('content-length')) headers.append('content-length', `${length}`);
    for (let i = 0; overrides !== null && i < overrides.headers.length; i += 2) {
      headers.set(overrides.headers[i] as string, overrides.headers[i + 1] as string);
    }
    const call = new Call(
      {
        method: options.method,
        scheme: 'http',
        authority: host ?? target.host,
        path: pathOf(options),
        headers,
        upgrade: typeof options.upgrade === 'string' ? options.upgrade : options.upgrade ? 'websocket' : null,
      },
      body,
      exchange,
    );
    (options as { readonly [onCall]?: (call: Call) => void })[onCall]?.(call);
    exchange.begin(call);
    this.#options.dispatch(call, exchange);
  }

  #target(origin: Dispatcher.DispatchOptions['origin']): Target {
    if (typeof origin !== 'string') {
      if (origin === undefined || origin === null) throw new errors.InvalidArgumentError('origin is required');
      return this.#targetOf(origin);
    }
    if (this.#recentTarget !== null && origin === this.#recent) return this.#recentTarget;
    let target = this.#targets.get(origin);
    if (target === undefined) {
      target = this.#targetOf(new URL(origin));
      if (this.#targets.size >= MAX_TARGETS) this.#targets.clear();
      this.#targets.set(origin, target);
    }
    this.#recent = origin;
    this.#recentTarget = target;
    return target;
  }

  #targetOf(url: URL): Target {
    const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
    return {
      mesh: url.protocol === 'http:' && this.#options.isMesh(url.hostname, port),
      authority: `${url.hostname}:${port}`,
      host: url.host,
    };
  }
}

/** True for a handler in the shape of undici 6 and 7. One of no known shape would hang for ever, so it is refused here. */
function isLegacy(handler: unknown): boolean {
  const { onRequestStart, onError, onHeaders, onUpgrade } = (handler ?? {}) as Record<string, unknown>;
  if (typeof onRequestStart === 'function') return false;
  if (typeof onError === 'function' && (typeof onHeaders === 'function' || typeof onUpgrade === 'function'))
    return true;
  throw new errors.InvalidArgumentError(
    'the handler has neither onRequestStart (undici 7, 8) nor onHeaders and onError (undici 6): this caller is not known to the mesh',
  );
}

function pathOf({ path, query }: Dispatcher.DispatchOptions): string {
  if (query === undefined || query === null) return path;
  if (path.includes('?') || path.includes('#')) {
    throw new errors.InvalidArgumentError('query cannot be given where the path has one already');
  }
  const text = stringify(query);
  return text === '' ? path : `${path}?${text}`;
}

function asError(error: unknown): Error {
  if (isMeshError(error) || error instanceof errors.UndiciError) return error;
  return error instanceof Error ? new errors.InvalidArgumentError(error.message) : new Error(String(error));
}
