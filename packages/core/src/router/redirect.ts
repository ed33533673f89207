import type { Shown } from '../format/shown.ts';
import { pathOnly } from '../match/path.ts';
import type { RedirectAction } from '../model/rewrite.ts';
import type { PathMatch } from '../model/route.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compilePathRewrite } from './rewrite.ts';

/** Makes the `location` that a request is sent to. (RouteEntryImplBase::newUri) */
export function compileRedirect(
  action: RedirectAction,
  match: PathMatch | null,
  regex: RegexEngine,
): (shown: Shown) => string {
  const target = targetOf(action, match, regex);
  return (shown) => {
    const { head } = shown.call;
    const came = head.headers.get('x-forwarded-proto') ?? head.scheme;
    const scheme = action.scheme === '' ? came : action.scheme;
    const host = action.host === '' ? hostOf(head.authority, came, scheme, action.port) : action.host;
    return `${scheme}://${host}${action.port === 0 ? '' : `:${action.port}`}${target(shown)}`;
  };
}

function targetOf(
  { path, stripQuery }: RedirectAction,
  match: PathMatch | null,
  regex: RegexEngine,
): (shown: Shown) => string {
  if (path?.kind === 'replace') {
    const { value } = path;
    if (value.includes('?')) return () => value;
    return ({ call: { head } }) => value + (stripQuery ? '' : queryOf(head.path));
  }
  const rewrite = path === null ? null : compilePathRewrite(path, match, regex);
  return (shown) => {
    const { head } = shown.call;
    const target = rewrite?.(shown) ?? head.path;
    // As Envoy, for what is told of the request from here on: `%REQ(:path)%` in the headers of the answer.
    head.path = target;
    return stripQuery ? pathOnly(target) : target;
  };
}

/** The request's host, without a port that is replaced, or that is the own one of a scheme that is. */
function hostOf(authority: string, came: string, scheme: string, port: number): string {
  const bare = authority.replace(/:\d+$/, '');
  if (bare === authority) return authority;
  const own = came === 'https' ? ':443' : came === 'http' ? ':80' : null;
  const replaced = port !== 0 || (scheme !== came && authority.slice(bare.length) === own);
  return replaced ? bare : authority;
}

function queryOf(target: string): string {
  return target.slice(pathOnly(target).length);
}
