import type { PathRules } from '../model/connection-manager.ts';
import { canonicalPath } from './canonical-path.ts';

/** What the rules make of a path: go on with another, send the caller there, or refuse it. */
export type PathVerdict =
  | { readonly kind: 'take'; readonly path: string }
  | { readonly kind: 'redirect'; readonly path: string }
  | { readonly kind: 'reject' };

const REJECT: PathVerdict = { kind: 'reject' };

/** Null where the rules ask for nothing. (envoy: ConnectionManagerUtility::maybeNormalizePath) */
export function compilePathRules(rules: PathRules): ((target: string) => PathVerdict) | null {
  const { normalize, mergeSlashes, escapedSlashes } = rules;
  if (!normalize && !mergeSlashes && escapedSlashes === 'keep') return null;
  return (target) => {
    const query = target.indexOf('?');
    let path = query < 0 ? target : target.slice(0, query);
    let redirects = false;
    if (escapedSlashes !== 'keep') {
      const unescaped = unescapeSlashes(path);
      if (unescaped !== path) {
        if (escapedSlashes === 'reject') return REJECT;
        redirects = escapedSlashes === 'redirect';
        path = unescaped;
      }
    }
    if (normalize) {
      const canonical = canonicalPath(path);
      if (canonical === null) return REJECT;
      path = canonical;
    }
    if (mergeSlashes) path = merged(path);
    const result = query < 0 ? path : path + target.slice(query);
    return { kind: redirects ? 'redirect' : 'take', path: result };
  };
}

function unescapeSlashes(path: string): string {
  if (!path.includes('%')) return path;
  return path.replace(/%2f|%5c/gi, (match) => (match[1] === '2' ? '/' : '\\'));
}

/** A path of nothing but slashes keeps the first and the last, as in Envoy. */
function merged(path: string): string {
  if (!path.includes('//')) return path;
  return /^\/+$/.test(path) ? '//' : path.replace(/\/{2,}/g, '/');
}
