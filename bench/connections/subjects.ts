import type { Mesh } from 'inmesh';
import { type Dispatcher, Pool, request } from 'undici';
import type { IdentityFiles } from '../../test/peers/support/tls/trust.ts';
import { CALLER_HEADERS, PATH } from '../http/feed.ts';
import { SameWork } from '../http/same-work.ts';
import { authorityOf, type Identities, type Service, serverName } from './feed.ts';
import { RawHttp2, type RawTls } from './raw-h2.ts';

/** Who is measured: one call, from the entry point that users call to the last byte of the body. */
export interface Subject {
  readonly name: string;
  call(): Promise<void>;
  close(): Promise<void> | void;
}

/** What the cluster's TLS context says, in the words of Node. */
export function rawTls(service: Service, { caller, server }: Identities): RawTls {
  return {
    ...own(caller),
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    servername: serverName(service),
    ALPNProtocols: [service.protocol === 'http2' ? 'h2' : 'http/1.1'],
    ...checking(server.spiffeId),
  };
}

/** Raw undici over HTTP/1.1, with a pool per endpoint. */
export function rawHttp1(name: string, service: Service, tls: RawTls): Subject {
  const options = { connect: tls, allowH2: false };
  return throughUndici(name, service, new SameWork(service.ports, authorityOf(service), options));
}

/** The same with a connection for each call; `maxCachedSessions`: 0 for a whole handshake each. */
export function rawHandshakes(name: string, service: Service, tls: RawTls, maxCachedSessions: number): Subject {
  const options = { connect: { ...tls, maxCachedSessions }, allowH2: false };
  const dispatcher = new SameWork(service.ports, authorityOf(service), options);
  return throughUndici(name, service, dispatcher, { reset: true });
}

/** undici's own HTTP/2. */
export function undiciHttp2(name: string, service: Service, tls: RawTls): Subject {
  const { ALPNProtocols: _, ...connect } = tls;
  return throughUndici(name, service, new SameWork(service.ports, authorityOf(service), { connect, allowH2: true }));
}

export function rawHttp2(name: string, service: Service, tls: RawTls): Subject {
  const raw = new RawHttp2(service.ports, authorityOf(service), tls);
  return {
    name,
    async call() {
      const status = await raw.get(PATH, CALLER_HEADERS);
      if (status !== 200) throw new Error(`${name} was answered ${status}`);
    },
    close: () => raw.close(),
  };
}

export function throughMesh(name: string, service: Service, mesh: Mesh): Subject {
  return { ...throughUndici(name, service, mesh.dispatcher), close: () => {} };
}

/** A caller beside a sidecar: one bare pool to it, the service's name as `Host`. */
export function throughEnvoy(name: string, service: Service, port: number): Subject {
  return throughUndici(name, service, new SidecarPool(port, authorityOf(service)));
}

function throughUndici(
  name: string,
  service: Service,
  dispatcher: Dispatcher,
  more: { reset?: boolean } = {},
): Subject {
  const url = `http://${authorityOf(service)}${PATH}`;
  const options = { dispatcher, headers: CALLER_HEADERS, ...more };
  return {
    name,
    async call() {
      const { statusCode, body } = await request(url, options);
      await body.arrayBuffer();
      if (statusCode !== 200) throw new Error(`${name} was answered ${statusCode}`);
    },
    close: () => dispatcher.destroy(),
  };
}

class SidecarPool extends Pool {
  readonly #host: string;

  constructor(port: number, host: string) {
    super(`http://127.0.0.1:${port}`);
    this.#host = host;
  }

  override dispatch(...[options, handler]: Parameters<Pool['dispatch']>): boolean {
    const { path, method, body = null } = options;
    return super.dispatch({ path, method, body, headers: { host: this.#host, ...CALLER_HEADERS } }, handler);
  }
}

function own({ chain, key, root }: IdentityFiles) {
  return { cert: chain, key, ca: root };
}

/** The name of the server must be there: one comparison, as the mesh makes it. */
function checking(spiffeId: string) {
  const name = `URI:${spiffeId}`;
  return {
    checkServerIdentity: (_: string, { subjectaltname = '' }: { readonly subjectaltname?: string | undefined }) =>
      subjectaltname.split(', ').includes(name) ? undefined : new Error(`${subjectaltname} is not ${name}`),
  };
}
