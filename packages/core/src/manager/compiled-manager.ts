import type { Call, Head } from '../call.ts';
import { MeshError } from '../errors.ts';
import { shownRequest } from '../format/shown.ts';
import type { Headers } from '../headers.ts';
import type { ConnectionManager } from '../model/connection-manager.ts';
import type { Listener } from '../model/listener.ts';
import { compileHeaderMutations, inTurn } from '../router/header-mutation.ts';
import { checkUnderscores, exceeded } from './header-limits.ts';
import { normalizedAuthority, portOf } from './host.ts';
import { compileLocalReplies, type ReplyRewriter } from './local-replies.ts';
import { compilePathRules } from './path.ts';
import type { ReplyFilterParts } from './reply-filter.ts';
import { sanitize } from './request-headers.ts';
import { decideTrace } from './trace-reason.ts';

/** What comes of looking at a request: nothing against it, an error, or the path to send the caller to. */
export type Admission = MeshError | { readonly redirect: string } | null;

/** What a call brings that the manager does not have. */
export interface AdmitParts {
  readonly requestId: () => string;
  readonly now: () => number;
}

/** A connection manager made ready. */
export class CompiledManager {
  readonly config: ConnectionManager;
  /** Makes other local replies; null where they stay. */
  readonly rewriteReply: ReplyRewriter | null;
  /** True where responses are changed on their way out. */
  readonly changesResponses: boolean;
  /** Why no call can be taken on; null where nothing speaks against it. */
  readonly refusal: MeshError | null;
  readonly #parts: ReplyFilterParts;
  readonly #listener: Listener;
  readonly #port: number | null;
  readonly #mutateEarly: ReturnType<typeof inTurn>;
  readonly #normalizePath: ReturnType<typeof compilePathRules>;
  readonly #normalizesHost: boolean;

  constructor(config: ConnectionManager, listener: Listener, parts: ReplyFilterParts) {
    const { address, name } = listener;
    this.config = config;
    this.#listener = listener;
    this.#parts = parts;
    this.#port = address?.kind === 'socket' ? address.port : null;
    this.rewriteReply = config.localReply === null ? null : compileLocalReplies(config.localReply, parts);
    this.changesResponses = config.via !== '' || config.requestId.alwaysInResponse;
    this.#mutateEarly = inTurn(config.earlyMutations.map(compileHeaderMutations));
    this.#normalizePath = compilePathRules(config.path);
    this.#normalizesHost = config.host.stripPort !== 'never' || config.host.stripTrailingDot;
    const lacks = config.unsupported.join(', ');
    this.refusal =
      lacks === ''
        ? null
        : new MeshError('unsupported', `the connection manager needs what this version lacks: ${lacks}`, {
            listener: name,
          });
  }

  /** Brings a request into the form that is routed and sent, or says what speaks against it. */
  admit(call: Call, parts: AdmitParts): Admission {
    const { head } = call;
    if (this.refusal !== null) return this.refusal;
    const refusal = exceeded(this.config.limits, head) ?? checkUnderscores(this.config.limits, head);
    if (refusal !== null) return refusal;
    // Nobody sends a fragment, and routes that do not look at it would let it hide a part of the path.
    if (head.path.includes('#')) return refusedPath(head.path);
    if (head.method === 'QUERY' && !head.headers.get('content-type')) return untypedQuery();
    if (this.#normalizePath !== null) {
      const verdict = this.#normalizePath(head.path);
      if (verdict.kind === 'reject' || (verdict.kind === 'redirect' && isGrpcType(head.headers))) {
        return refusedPath(head.path);
      }
      if (verdict.kind === 'redirect') return { redirect: verdict.path };
      head.path = verdict.path;
    }
    if (this.#normalizesHost) head.authority = normalizedAuthority(this.#listener, head.authority, call.context.target);
    // A redirect that was followed brings the request here again, with headers that are done.
    if (call.redirects === null) this.#changeHeaders(call, parts);
    return null;
  }

  /** Asks something about a call with the path that it will be routed by. */
  routed<T>(head: Head, ask: () => T): T {
    const verdict = this.#normalizePath?.(head.path);
    if (verdict?.kind !== 'take') return ask();
    const came = head.path;
    head.path = verdict.path;
    const answer = ask();
    head.path = came;
    return answer;
  }

  changeResponse({ head }: Call, headers: Headers): void {
    const { requestId, via } = this.config;
    const id = requestId.alwaysInResponse ? head.headers.get('x-request-id') : undefined;
    if (id !== undefined) headers.set('x-request-id', id);
    if (via !== '') appendVia(headers, via);
  }

  #changeHeaders(call: Call, { requestId: newId, now }: AdmitParts): void {
    const { head } = call;
    const { headers } = head;
    const { useRemoteAddress, via, requestId, sampling, appendForwardedPort } = this.config;
    this.#mutateEarly?.(headers, shownRequest(call, now()));
    // What no proxy forwarded, and what comes from the edge, is from outside: nobody vouches for what it asks of a proxy.
    sanitize(headers, { forwardsClientCert: this.config.forwardsClientCert, edge: useRemoteAddress });
    if (useRemoteAddress && appendForwardedPort) {
      headers.set('x-forwarded-port', `${this.#port ?? portOf(call.context.target)}`);
    }
    if (via !== '') appendVia(headers, via);
    const id = headers.get('x-request-id') || undefined;
    const renewed = id === undefined || (useRemoteAddress && !requestId.preserveExternal);
    if (renewed && requestId.generate) headers.set('x-request-id', newId());
    head.scheme = this.#forwardedProto(head);
    if (sampling !== null && requestId.packTraceReason) {
      const current = headers.get('x-request-id');
      const isClient = headers.has('x-client-trace-id');
      const { runtime, random: draw } = this.#parts;
      if (current !== undefined)
        headers.set('x-request-id', decideTrace(current, sampling, isClient, { runtime, draw }));
    }
  }

  /** What the caller says that it was called by, where it may say so; else what it calls by. */
  #forwardedProto({ headers, scheme }: Head): string {
    const { scheme: overwrite, useRemoteAddress } = this.config;
    if (overwrite !== '') {
      headers.set('x-forwarded-proto', overwrite);
      return overwrite;
    }
    const said = useRemoteAddress ? undefined : headers.get('x-forwarded-proto');
    if (said === undefined) headers.set('x-forwarded-proto', scheme);
    return said === 'http' || said === 'https' ? said : scheme;
  }
}

/** What a QUERY asks is in its body: a server must refuse one that does not say how. (draft-ietf-httpbis-safe-method-w-body, 2) */
function untypedQuery(): MeshError {
  const details = 'query_missing_content_type';
  return new MeshError('invalid_request', 'a QUERY must have a content-type', { flag: '-', details, body: '' });
}

function refusedPath(path: string): MeshError {
  return new MeshError('invalid_request', `the path ${path} is refused: a fragment, an escaped slash or NUL in it`, {
    flag: '-',
    details: 'path_normalization_failed',
    body: '',
  });
}

function isGrpcType(headers: Headers): boolean {
  return headers.get('content-type')?.startsWith('application/grpc') === true;
}

function appendVia(headers: Headers, via: string): void {
  const before = headers.get('via');
  headers.set('via', before === undefined ? via : `${before}, ${via}`);
}
