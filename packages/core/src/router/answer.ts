import type { Shown } from '../format/shown.ts';
import type { LocalReply } from '../local-reply.ts';
import type { RedirectAction } from '../model/rewrite.ts';
import type { Route } from '../model/route.ts';
import type { RegexEngine } from '../util/regex.ts';
import { compileRedirect } from './redirect.ts';

const NO_BODY = new Uint8Array();

/** To where the request was sent already. */
const ITSELF: Omit<RedirectAction, 'status'> = {
  kind: 'redirect',
  scheme: '',
  host: '',
  port: 0,
  path: null,
  stripQuery: false,
};

/** What a route answers without any cluster: a redirect, or a direct response. Null where it forwards. */
export function compileAnswer({ action, path }: Route, regex: RegexEngine): ((shown: Shown) => LocalReply) | null {
  if (action.kind === 'redirect') {
    const location = compileRedirect(action, path, regex);
    const { status } = action;
    return (shown) => ({ status, body: NO_BODY, contentType: '', headers: ['location', location(shown)] });
  }
  if (action.kind !== 'direct_response') return null;
  const { status, body } = action;
  const reply: LocalReply = { status, body, contentType: 'text/plain' };
  // Envoy says where with every status that points somewhere. (RFC 9110, 10.2.2)
  if (status !== 201 && (status < 300 || status >= 400)) return () => reply;
  const location = compileRedirect({ ...ITSELF, status: 301 }, path, regex);
  return (shown) => ({ ...reply, headers: ['location', location(shown)] });
}
