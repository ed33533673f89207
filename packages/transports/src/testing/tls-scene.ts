// Servers with certificates of an authority of their own, and a client that speaks TLS to them.
import { Socket } from 'node:net';
import type { SecureContextOptions, TLSSocket, TlsOptions } from 'node:tls';
import type { MeshError, TransportSocketConfig } from '@inmesh/core';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { clusterOver } from './cluster.ts';
import { type FakeMaterial, FakeTls, tlsSocket } from './fake-tls.ts';
import { type TestServer, tlsServer } from './servers.ts';
import { TestTransport } from './transport.ts';

export const SERVER_ID = 'spiffe://mesh/ns/a/sa/server';

export interface Identity {
  readonly key: Buffer;
  readonly cert: string;
}

interface Ended {
  destroy(error?: Error): void;
}

export class TlsScene {
  readonly authority: CertificateAuthority;
  /** Who trusts this authority. */
  readonly trust: SecureContextOptions;
  readonly #identity: Identity;
  readonly #servers: TestServer[] = [];
  readonly #opened: Ended[] = [];

  private constructor(authority: CertificateAuthority, identity: Identity) {
    this.authority = authority;
    this.trust = { ca: authority.root };
    this.#identity = identity;
  }

  /** Its servers are `SERVER_ID` and `a.example`. */
  static async create(): Promise<TlsScene> {
    const authority = await CertificateAuthority.create();
    return new TlsScene(authority, await issue(authority, SERVER_ID, ['a.example']));
  }

  async listen(options: TlsOptions = {}, onSocket?: (socket: TLSSocket) => void): Promise<TestServer> {
    return this.closing(await tlsServer({ ...this.#identity, ...options }, onSocket));
  }

  /** Ends the server with the test. */
  closing(server: TestServer): TestServer {
    this.#servers.push(server);
    return server;
  }

  /** Ends it with the test. */
  kept<T extends Ended>(one: T): T {
    this.#opened.push(one);
    if (one instanceof Socket) one.on('error', () => {});
    return one;
  }

  transport(
    material: FakeMaterial | MeshError,
    socket: TransportSocketConfig = tlsSocket(),
  ): { transport: TestTransport; tls: FakeTls } {
    const tls = new FakeTls(material);
    return { transport: new TestTransport(clusterOver(socket), { tls }), tls };
  }

  async end(): Promise<void> {
    for (const one of this.#opened.splice(0)) one.destroy(new Error('the test is over'));
    for (const server of this.#servers.splice(0)) await server.close();
  }
}

export async function issue(
  from: CertificateAuthority,
  id: string,
  dnsNames: readonly string[] = [],
): Promise<Identity> {
  const { key, chain } = await from.issue({ uris: [id], dnsNames });
  return { key: Buffer.from(key.reveal()), cert: chain };
}
