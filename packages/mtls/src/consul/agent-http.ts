import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SecureContextOptions } from 'node:tls';

/** An answer of Consul's HTTP API. */
export interface ConsulAnswer {
  readonly status: number;
  /** `X-Consul-Index`; null where there is none. */
  readonly index: number | null;
  readonly body: string;
}

/** Asks Consul's HTTP API: a path with its query. */
export type ConsulGet = (path: string, signal: AbortSignal, timeoutMs: number) => Promise<ConsulAnswer>;

export interface ConsulAgentAddress {
  /** `http://host:port`, `https://host:port` or `unix:///path`. */
  readonly url: string;
  /** Read anew for each connection. May throw. */
  readonly tls: () => SecureContextOptions;
  /** `X-Consul-Token`, read anew for each request; empty for none. May throw. */
  readonly token: () => string;
}

/** Far above a certificate with its chain, and the roots of a hundred rotations. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** Plain requests on connections of their own, so that they never enter a mesh, whatever agents and dispatchers the process has. Throws a TypeError for an address of no use. */
export function consulAgent({ url, tls, token }: ConsulAgentAddress): ConsulGet {
  const socketPath = /^unix:(?:\/\/)?(\/[^?#]+)$/.exec(url)?.[1];
  const base = socketPath === undefined ? new URL(url) : null;
  if (base !== null && !/^https?:$/.test(base.protocol)) {
    throw new TypeError(
      `the address "${url}" cannot be used: write http://host:8500, https://host:8501 or unix:///path`,
    );
  }
  const send = base?.protocol === 'https:' ? httpsRequest : httpRequest;
  return (path, signal, timeoutMs) =>
    new Promise((resolve, reject) => {
      const secret = token();
      const where =
        base === null ? { socketPath } : { host: base.hostname.replace(/^\[|\]$/g, ''), port: base.port || undefined };
      const prefix = base === null ? '' : base.pathname.replace(/\/$/, '');
      const options = {
        ...where,
        path: `${prefix}${path}`,
        headers: { accept: 'application/json', ...(secret !== '' && { 'x-consul-token': secret }) },
        agent: base?.protocol === 'https:' ? new HttpsAgent(tls()) : new HttpAgent(),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      };
      const request = send(options, (response) => {
        readBody(response).then((body) => {
          const index = Number(response.headers['x-consul-index']);
          const known = response.headers['x-consul-index'] !== undefined && Number.isSafeInteger(index);
          resolve({ status: response.statusCode ?? 0, index: known ? index : null, body });
        }, reject);
      });
      request.on('error', reject);
      // Who waits for an update does not keep the process alive.
      request.on('socket', (socket) => socket.unref());
      request.end();
    });
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MAX_BODY_BYTES) throw new Error(`the answer is longer than ${MAX_BODY_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
