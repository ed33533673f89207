import { compileBodyFormat } from '../format/body-format.ts';
import type { Shown } from '../format/shown.ts';
import type { LocalReply } from '../local-reply.ts';
import type { BodyFormat } from '../model/body-format.ts';
import type { RedirectAction } from '../model/rewrite.ts';
import type { DirectResponseAction, Route } from '../model/route.ts';
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
  const { status, bodyFormat } = action;
  const reply = bodyFormat === null ? plain(action) : formatted(action, bodyFormat);
  // Envoy says where with every status that points somewhere. (RFC 9110, 10.2.2)
  if (status !== 201 && (status < 300 || status >= 400)) return reply;
  const location = compileRedirect({ ...ITSELF, status: 301 }, path, regex);
  return (shown) => ({ ...reply(shown), headers: ['location', location(shown)] });
}

function plain({ status, body }: DirectResponseAction): (shown: Shown) => LocalReply {
  const reply: LocalReply = { status, body, contentType: 'text/plain' };
  return () => reply;
}

function formatted({ status, body }: DirectResponseAction, format: BodyFormat): (shown: Shown) => LocalReply {
  const make = compileBodyFormat(format);
  const localReplyBody = Buffer.from(body).toString();
  return (shown) => {
    const text = make({ ...shown, localReplyBody });
    return { status, body: Buffer.from(text), contentType: format.contentType };
  };
}
