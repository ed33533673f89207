import { Agent, request } from 'node:http';
import type { Call } from '@inmesh/core';
import { onCall } from '@inmesh/transports';
import { isMeshError, type Mesh, meshErrorOf } from 'inmesh';
import type { Dispatcher } from 'undici';
import type { Pair } from './case.ts';
import { pairs, type Reply } from './observation.ts';
import { sendRaw } from './raw-client.ts';
import { talk } from './upstream/talk.ts';

/** A request as the twin sends it through either side. */
export interface Sent {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  /** Without `Host`. */
  readonly headers: readonly Pair[];
  readonly body: Uint8Array | null;
  /** True: byte for byte, well-formed or not. */
  readonly raw?: boolean;
  /** Requests that must arrive in all, copies for mirrors among them. Default: whatever has arrived with the answer. */
  readonly copies?: number;
}

/** Milliseconds after which a call that came to nothing has failed: far above all timeouts of cases. */
const PATIENCE_MS = 20_000;

/** Methods whose requests need not say that they have no body. */
const BODILESS = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/** An application beside a sidecar: plain HTTP/1.1 to a listener of Envoy's. */
export class EnvoyClient {
  #agent = new Agent({ keepAlive: true });

  /** Opens the connection again where nobody listens yet: a listener that was acknowledged opens a moment later. */
  async call(port: number, sent: Sent): Promise<Reply> {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return await (sent.raw ? sendRaw(port, sent) : this.#once(port, sent));
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code !== 'ECONNREFUSED' || performance.now() > end) throw error;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }

  /** Leaves connections to listeners that were changed. */
  renew(): void {
    this.#agent.destroy();
    this.#agent = new Agent({ keepAlive: true });
  }

  close(): void {
    this.#agent.destroy();
  }

  #once(port: number, { method, authority, path, headers, body }: Sent): Promise<Reply> {
    const length = body !== null ? body.byteLength : BODILESS.has(method) ? null : 0;
    const flat = ['host', authority, ...headers.flat()];
    if (length !== null && !headers.some(([name]) => name.toLowerCase() === 'content-length')) {
      flat.push('content-length', `${length}`);
    }
    return new Promise((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1',
        port,
        method,
        path,
        headers: flat as never,
        agent: this.#agent,
        setHost: false,
        maxHeaderSize: 1 << 20,
        joinDuplicateHeaders: false,
      });
      const informational: number[] = [];
      const timer = setTimeout(() => outgoing.destroy(new Error('envoy: no answer in time')), PATIENCE_MS);
      let started = false;
      outgoing.on('upgrade', (response, socket, head) => {
        started = true;
        const answer = { status: 101, headers: pairs(response.rawHeaders), trailers: [], informational, broken: false };
        void talk(socket, head).then((body) => {
          clearTimeout(timer);
          resolve({ ...answer, body });
        });
      });
      outgoing.on('information', ({ statusCode }) => informational.push(statusCode));
      outgoing.on('error', (error) => {
        if (started) return;
        clearTimeout(timer);
        if ((error as NodeJS.ErrnoException).code === 'ECONNRESET') resolve({ ...NOTHING, informational });
        else reject(error);
      });
      outgoing.on('response', (response) => {
        started = true;
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', () => {});
        response.on('close', () => {
          clearTimeout(timer);
          resolve({
            status: response.statusCode ?? 0,
            headers: pairs(response.rawHeaders),
            body: Buffer.concat(chunks).toString('latin1'),
            trailers: pairs(response.rawTrailers),
            informational,
            broken: !response.complete,
          });
        });
      });
      outgoing.end(body ?? undefined);
    });
  }
}

const NOTHING: Reply = { status: 0, headers: [], body: '', trailers: [], informational: [], broken: true };

/** What inmesh says of a call: the reply, and the flags and details behind it. */
export interface MeshReply {
  readonly reply: Reply;
  readonly flags: string;
  readonly details: string | null;
  readonly cluster: string | null;
  readonly endpoint: string | null;
}

/** The same request through inmesh's dispatcher, without undici's conveniences in between. */
export function callMesh(mesh: Mesh, service: string, sent: Sent): Promise<MeshReply> {
  const { method, authority, path, headers, body } = sent;
  return new Promise((resolve, reject) => {
    const informational: number[] = [];
    const chunks: Buffer[] = [];
    let started: { status: number; headers: Pair[]; record: object } | null = null;
    let control: Dispatcher.DispatchController | null = null;
    let call: Call | null = null;
    const timer = setTimeout(() => control?.abort(new Error('inmesh: no answer in time')), PATIENCE_MS);
    const settle = (trailers: Pair[], failure: Error | null) => {
      clearTimeout(timer);
      const told = started === null ? null : meshErrorOf({ headers: started.record });
      const error = isMeshError(failure) ? failure : told;
      const reply = {
        status: started?.status ?? 0,
        headers: started?.headers ?? [],
        body: Buffer.concat(chunks).toString('latin1'),
        trailers,
        informational,
        broken: failure !== null,
      };
      const { cluster = null, endpoint = null } = call ?? {};
      resolve({
        reply,
        flags: error?.flag ?? '-',
        details: error?.details ?? null,
        cluster: cluster?.name ?? null,
        endpoint: endpoint?.key ?? null,
      });
    };
    // undici takes an upgrade as an option of its own.
    const upgrade = headers.find(([name]) => name === 'upgrade')?.[1] ?? null;
    const given = upgrade === null ? headers : headers.filter(([name]) => name !== 'upgrade' && name !== 'connection');
    const seen = (made: Call) => {
      call = made;
    };
    mesh.dispatcher.dispatch(
      {
        ...{ [onCall]: seen },
        origin: `http://${service}`,
        path,
        method: method as Dispatcher.HttpMethod,
        headers: ['host', authority, ...given.flat()],
        upgrade,
        body: body as Buffer | null,
      },
      {
        onRequestStart: (controller) => {
          control = controller;
        },
        onRequestUpgrade: (controller, status, record, socket) => {
          started = { status, headers: pairs((controller.rawHeaders ?? []) as Buffer[]), record };
          void talk(socket).then((said) => {
            chunks.push(Buffer.from(said, 'latin1'));
            settle([], null);
          });
        },
        onResponseStart: (controller, status, record) => {
          if (status < 200) informational.push(status);
          else started = { status, headers: pairs((controller.rawHeaders ?? []) as Buffer[]), record };
        },
        onResponseData: (_, chunk) => {
          chunks.push(chunk);
        },
        onResponseEnd: (controller) => settle(pairs((controller.rawTrailers ?? []) as Buffer[]), null),
        onResponseError: (_, error) => {
          if (started !== null || isMeshError(error)) return settle([], error);
          clearTimeout(timer);
          reject(error);
        },
      },
    );
  });
}
