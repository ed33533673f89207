import { BytesBody } from '../body.ts';
import type { Call, Head } from '../call.ts';
import type { AuthorityEntry, Directory } from '../directory.ts';
import { type Dispatch, type Handler, PassHandler } from '../dispatch.ts';
import { MeshError } from '../errors.ts';
import type { Headers } from '../headers.ts';
import type { InternalRedirectPolicy, InternalRedirectPredicate } from '../model/internal-redirect.ts';
import { TappedBody } from '../tapped-body.ts';

export interface InternalRedirectParts {
  readonly directory: Directory;
  /** The way of a call from its beginning. */
  readonly again: Dispatch;
}

/** Where a redirect leads to. */
interface Target extends Pick<Head, 'scheme' | 'authority' | 'path'> {}

/** What a route with such a policy has between it and the upstream. Its request's body is kept, up to 1 MiB, because it may have to be sent again. */
export function followRedirects(
  parts: InternalRedirectParts,
  policy: InternalRedirectPolicy,
  call: Call,
  handler: Handler,
): Handler {
  const { body } = call;
  const tapped = body === null || body.bytes !== null ? null : new TappedBody(body);
  if (tapped !== null) call.body = tapped;
  return new RedirectHandler(parts, policy, call, tapped, handler);
}

/** Follows redirects that the policy allows, and passes all other answers on as they are. */
class RedirectHandler extends PassHandler {
  readonly #parts: InternalRedirectParts;
  readonly #policy: InternalRedirectPolicy;
  readonly #call: Call;
  readonly #body: TappedBody | null;
  #sent = false;
  /** The call has begun anew: what comes from here now is nobody's. */
  #over = false;
  /** What came while it is not known whether there is a route to follow; null while nothing is waited for. */
  #waiting: ((next: Handler) => void)[] | null = null;

  constructor(
    parts: InternalRedirectParts,
    policy: InternalRedirectPolicy,
    call: Call,
    body: TappedBody | null,
    handler: Handler,
  ) {
    super(handler);
    this.#parts = parts;
    this.#policy = policy;
    this.#call = call;
    this.#body = body;
  }

  override onRequestSent(complete: boolean): void {
    this.#sent ||= complete;
    if (!this.#over) this.next.onRequestSent(complete);
  }

  override onResponseStart(status: number, headers: Headers, message: string): void {
    if (this.#over) return;
    const pass = (next: Handler) => next.onResponseStart(status, headers, message);
    const target = this.#policy.statuses.has(status) ? this.#targetOf(headers) : null;
    if (target === null) {
      if (this.#policy.statuses.has(status)) this.#failed();
      pass(this.next);
      return;
    }
    const entry = this.#parts.directory.lookup(this.#call.context.target, target.authority);
    if (entry.table !== null || entry.error !== null) {
      if (!this.#follow(entry, target, status, headers)) pass(this.next);
      return;
    }
    this.#waiting = [pass];
    const { controller } = this.#call;
    const { paused } = controller;
    controller.pause();
    entry.whenSettled(() => {
      const waiting = this.#waiting ?? [];
      this.#waiting = null;
      if (!this.#follow(entry, target, status, headers)) for (const each of waiting) each(this.next);
      if (!paused) controller.resume();
    });
  }

  override onResponseData(chunk: Uint8Array): void {
    this.#tell((next) => next.onResponseData(chunk));
  }

  override onResponseEnd(trailers: Headers): void {
    this.#tell((next) => next.onResponseEnd(trailers));
  }

  override onResponseError(error: Error): void {
    this.#tell((next) => next.onResponseError(error));
  }

  #tell(event: (next: Handler) => void): void {
    if (this.#over) return;
    if (this.#waiting !== null) this.#waiting.push(event);
    else event(this.next);
  }

  /** Null where it leads nowhere, or further than the policy allows. */
  #targetOf(headers: Headers): Target | null {
    const call = this.#call;
    const complete = call.body === null || call.body.bytes !== null || (this.#sent && this.#body?.copy() !== null);
    if (!complete || (call.redirects?.count ?? 0) >= this.#policy.max) return null;
    const target = parse(headers.get('location') ?? '');
    if (target === null) return null;
    return target.scheme === call.head.scheme || this.#policy.allowCrossScheme ? target : null;
  }

  /** Begins anew where a route takes the redirect on. */
  #follow(entry: AuthorityEntry, target: Target, status: number, headers: Headers): boolean {
    const call = this.#call;
    const from = call.route?.label ?? '';
    const { scheme, authority, path } = call.head;
    Object.assign(call.head, target);
    const route = entry.table?.match(call) ?? null;
    const taken = call.redirects?.routes ?? new Set<string>();
    const key = `${from} → ${route?.label}`;
    const accepted = this.#policy.predicates.every((each) =>
      accepts(each, route?.name ?? '', taken.has(key), scheme, target.scheme),
    );
    if (route === null || !accepted) {
      Object.assign(call.head, { scheme, authority, path });
      this.#failed();
      return false;
    }
    taken.add(key);
    call.redirects = { count: (call.redirects?.count ?? 0) + 1, routes: taken };
    if (call.cluster !== null) call.cluster.stats.upstream_internal_redirect_succeeded_total++;
    this.#over = true;
    this.#rewrite(status, headers, `${scheme}://${authority}${path}`);
    call.controller.interrupt(new MeshError('remote_reset', 'the answer was a redirect, which was followed'));
    call.restart();
    // Another host is another service: cluster and endpoint were asked for the first one.
    if (target.authority !== authority && call.overrides !== null) {
      call.overrides = { ...call.overrides, cluster: null, endpoint: null };
    }
    this.#parts.again(call, call.caller ?? this.next);
    return true;
  }

  #rewrite(status: number, answered: Headers, original: string): void {
    const { head } = this.#call;
    head.headers.set('x-envoy-original-url', original);
    for (const name of this.#policy.headersToCopy) {
      const value = answered.get(name);
      if (value === undefined) head.headers.delete(name);
      else head.headers.set(name, value);
    }
    // RFC 9110, 15.4.4
    if (status === 303 && head.method !== 'GET' && head.method !== 'HEAD') {
      head.method = 'GET';
      head.headers.delete('content-length');
      this.#call.body = null;
    } else if (this.#body !== null) {
      this.#call.body = this.#body.copy() ?? new BytesBody(new Uint8Array());
    }
  }

  #failed(): void {
    if (this.#call.cluster !== null) this.#call.cluster.stats.upstream_internal_redirect_failed_total++;
  }
}

function accepts(
  predicate: InternalRedirectPredicate,
  route: string,
  taken: boolean,
  from: string,
  to: string,
): boolean {
  switch (predicate.kind) {
    case 'previous_routes':
      return !taken;
    case 'allow_listed_routes':
      return predicate.names.has(route);
    case 'safe_cross_scheme':
      return from === 'https' || to !== 'https';
  }
}

/** An absolute URL of http or https: Envoy follows no other. */
function parse(location: string): Target | null {
  const match = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(location);
  if (match === null) return null;
  const [, given = '', host = '', rest = ''] = match;
  return { scheme: given.toLowerCase(), authority: host, path: rest.startsWith('/') ? rest : `/${rest}` };
}
