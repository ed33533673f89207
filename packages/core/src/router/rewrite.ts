import type { Head } from '../call.ts';
import { compileFormat } from '../format/format.ts';
import type { Shown } from '../format/shown.ts';
import { firstHeader } from '../format/values.ts';
import { pathOnly } from '../match/path.ts';
import { uriTemplateRewriter } from '../match/uri-template-rewrite.ts';
import type { HostRewrite, PathRewrite } from '../model/rewrite.ts';
import type { PathMatch } from '../model/route.ts';
import type { RegexEngine } from '../util/regex.ts';

/** The new path, or the new authority, of a request; null where it keeps its own. */
export type Rewriter = (shown: Shown) => string | null;

/** Paths keep their query strings. */
export function compilePathRewrite(rewrite: PathRewrite, match: PathMatch | null, regex: RegexEngine): Rewriter {
  switch (rewrite.kind) {
    case 'prefix': {
      const { value } = rewrite;
      const matched = matchedLength(match);
      return ({ call: { head } }) => value + head.path.slice(Math.min(matched, pathOnly(head.path).length));
    }
    case 'regex': {
      const replace = regex.compile(rewrite.pattern).replacer(rewrite.substitution);
      return ({ call: { head } }) => {
        const path = pathOnly(head.path);
        return replace(path) + head.path.slice(path.length);
      };
    }
    case 'uri_template': {
      const replace = uriTemplateRewriter(match?.value ?? '', rewrite.value, regex);
      return ({ call: { head } }) => {
        const path = pathOnly(head.path);
        const made = replace(path);
        return made === null ? null : made + head.path.slice(path.length);
      };
    }
    case 'format': {
      const format = compileFormat(rewrite.value, '');
      return (shown) => {
        const { path } = shown.call.head;
        const value = format(shown);
        return value === '' ? null : value + path.slice(pathOnly(path).length);
      };
    }
  }
}

/** The part of a path that a route matched, which a prefix rewrite replaces: so many characters, or all of it. */
function matchedLength(match: PathMatch | null): number {
  const literal = match?.kind === 'prefix' || match?.kind === 'path' || match?.kind === 'path_separated_prefix';
  return literal ? match.value.length : Number.POSITIVE_INFINITY;
}

/** `auto` is none of these: it waits for the endpoint. */
export function compileHostRewrite(rewrite: HostRewrite, regex: RegexEngine): Rewriter {
  switch (rewrite.kind) {
    case 'literal':
      return () => rewrite.value;
    case 'header':
      return ({ call: { head } }) => firstHeader(head.headers, rewrite.name) || null;
    case 'path_regex': {
      const replace = regex.compile(rewrite.pattern).replacer(rewrite.substitution);
      return ({ call: { head } }) => replace(pathOnly(head.path)) || null;
    }
    case 'format': {
      const format = compileFormat(rewrite.value, '');
      return (shown) => format(shown) || null;
    }
    case 'auto':
      return () => null;
  }
}

/** What the router notes of a rewrite in headers. */
export interface RewriteNotes {
  /** `x-forwarded-host` gets the authority as it was. (append_x_forwarded_host) */
  readonly forwardedHost: boolean;
  /** `x-envoy-original-path` and `-host`, unless the feed wants no such headers. (suppress_envoy_headers) */
  readonly original: boolean;
}

/** Changes the path, and notes how it was. */
export function setPath(head: Head, path: string, { original }: RewriteNotes): void {
  if (original) head.headers.set('x-envoy-original-path', head.path);
  head.path = path;
}

/** Changes the authority, and notes how it was. */
export function setAuthority(head: Head, authority: string, { forwardedHost, original }: RewriteNotes): void {
  if (forwardedHost && head.authority !== '') {
    const known = head.headers.get('x-forwarded-host');
    head.headers.set('x-forwarded-host', known === undefined ? head.authority : `${known},${head.authority}`);
  }
  if (original) head.headers.set('x-envoy-original-host', head.authority);
  head.authority = authority;
}

/** Path and authority of one route's requests. */
export interface RouteRewrites {
  readonly path: Rewriter | null;
  readonly host: Rewriter | null;
  /** The authority is the host name of the endpoint that each attempt chooses. */
  readonly autoHost: boolean;
  readonly notes: RewriteNotes;
}

/** Does both: the host first, because it may be made from the path as it came. */
export function rewriteHead(shown: Shown, { path, host, notes }: RouteRewrites): void {
  const { head } = shown.call;
  const authority = host?.(shown) ?? null;
  if (authority !== null) setAuthority(head, authority, notes);
  const target = path?.(shown) ?? null;
  if (target !== null) setPath(head, target, notes);
}
