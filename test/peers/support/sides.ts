import type { Mesh } from 'inmesh';
import { meshErrorOf } from 'inmesh';
import { Agent, type Dispatcher } from 'undici';
import type { Envoy } from './envoy.ts';

/** One call of a test. The authority is the service's name; the header `x-call` tells calls apart in Envoy's log. */
export interface Ask {
  readonly authority?: string;
  readonly path?: string;
  readonly method?: Dispatcher.HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** What came of it, as the caller sees it and as the log or the error behind the response says. */
export interface Outcome {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Envoy's response flags; `-` for none. */
  readonly flags: string;
  /** Envoy's response code details where the mesh answered; null where the service did. */
  readonly details: string | null;
}

/** The same calls through Envoy and through inmesh. */
export interface Side {
  readonly name: 'envoy' | 'inmesh';
  call(ask: Ask): Promise<Outcome>;
  close(): Promise<void>;
}

let calls = 0;

/** Through a listener of a real Envoy, as an application beside a sidecar would. */
export function envoySide(envoy: Envoy, port: number): Side {
  const agent = new Agent({ maxHeaderSize: 60 * 1024 });
  return {
    name: 'envoy',
    call: async (ask) => {
      const call = `c${++calls}`;
      const outcome = await send(agent, `http://127.0.0.1:${port}`, ask, call);
      const { flags, details } = await envoy.logOf(call);
      return { ...outcome, flags, details: details === 'via_upstream' ? null : details };
    },
    close: () => agent.close(),
  };
}

/** Through inmesh, as undici's users would. */
export function meshSide(mesh: Mesh): Side {
  return {
    name: 'inmesh',
    call: (ask) => send(mesh.dispatcher, `http://${ask.authority ?? 'shop'}`, ask, `c${++calls}`),
    close: () => mesh.drain(),
  };
}

async function send(dispatcher: Dispatcher, origin: string, ask: Ask, call: string): Promise<Outcome> {
  const { authority = 'shop', path = '/', method = 'GET', headers = {}, body = null } = ask;
  const response = await dispatcher.request({
    origin,
    path,
    method,
    headers: { ...headers, host: authority, 'x-call': call },
    body,
  });
  const error = meshErrorOf(response);
  return {
    status: response.statusCode,
    body: await response.body.text(),
    headers: response.headers,
    flags: error?.flag ?? '-',
    details: error?.details ?? null,
  };
}
