import { generateKeyPairSync } from 'node:crypto';
import { createServer as createPlainServer } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { CertificateAuthority, derBlocks, issueSelfSigned, pemOf } from '@inmesh/mtls/ca';

const HOUR_MS = 3_600_000;

/** A certificate that a server presents, and its key. */
export interface Presented {
  readonly chain: string;
  readonly key: string;
}

/** The name that the callers of this suite want. */
export const WANTED = 'spiffe://td.example/ns/a/sa/b';

/** An authority that is trusted, a stranger that has the same name, and what both can issue. */
export class PresentedCertificates {
  readonly root: CertificateAuthority;
  readonly stranger: CertificateAuthority;
  readonly middle: CertificateAuthority;
  readonly #made = new Map<string, Presented>();

  private constructor(root: CertificateAuthority, stranger: CertificateAuthority, middle: CertificateAuthority) {
    this.root = root;
    this.stranger = stranger;
    this.middle = middle;
  }

  static async create(): Promise<PresentedCertificates> {
    const root = await CertificateAuthority.create();
    const made = new PresentedCertificates(root, await CertificateAuthority.create(), await root.intermediate());
    await made.#makeAll();
    return made;
  }

  get(name: PresentedName): Presented {
    return this.#made.get(name)!;
  }

  async #makeAll(): Promise<void> {
    const { root, stranger, middle } = this;
    const now = Date.now();
    const old = { uris: [WANTED], notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS };
    const names = {
      uris: [WANTED],
      dnsNames: ['b.example', '*.c.example'],
      ips: ['10.0.0.1'],
      emails: ['a@b.example'],
    };
    const foreign = await stranger.issue({ uris: [WANTED] });
    const below = await middle.issue({ uris: [WANTED] });
    const narrow = await root.intermediate({ pathLength: 0 });
    const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const made: Record<PresentedName, Presented> = {
      good: textOf(await root.issue({ ...names, otherNames: [{ oid: '1.2.3.4', text: 'other' }] })),
      revoked: textOf(await root.issue({ uris: [WANTED] })),
      below: textOf(below),
      'without its issuer': textOf({
        ...below,
        chain: pemOf('CERTIFICATE', derBlocks(below.chain, 'CERTIFICATE')[0]!),
      }),
      'below too long a path': textOf(await (await narrow.intermediate()).issue({ uris: [WANTED] })),
      'another name': textOf(await root.issue({ uris: ['spiffe://td.example/ns/a/sa/evil'], dnsNames: ['b.example'] })),
      'another trust domain': textOf(await root.issue({ uris: ['spiffe://evil.example/ns/a/sa/b'] })),
      'no name': textOf(await root.issue({ commonName: WANTED })),
      'two URIs': textOf(await root.issue({ uris: [WANTED, 'spiffe://other.example/x'] })),
      'two URIs, the wanted one last': textOf(await root.issue({ uris: ['spiffe://other.example/x', WANTED] })),
      'a trust domain': textOf(await root.issue({ uris: ['spiffe://td.example'] })),
      'DNS alone': textOf(await root.issue({ dnsNames: ['b.example'] })),
      expired: textOf(await root.issue(old)),
      'expired, of a stranger': textOf(await stranger.issue(old)),
      'not yet valid': textOf(await root.issue({ uris: [WANTED], notBefore: now + HOUR_MS })),
      'signed by itself': textOf(await issueSelfSigned({ uris: [WANTED] })),
      'of a stranger': textOf(foreign),
      'of a stranger with its root': textOf({ ...foreign, chain: foreign.chain + stranger.root }),
      'for clients': textOf(await root.issue({ uris: [WANTED], usages: ['client'] })),
      'a weak key': {
        chain: root.sign({ publicKey: weak.publicKey, names: {} }, { uris: [WANTED] }),
        key: weak.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      },
    };
    for (const [name, presented] of Object.entries(made)) this.#made.set(name, presented);
  }
}

export type PresentedName =
  | 'good'
  | 'revoked'
  | 'below'
  | 'without its issuer'
  | 'below too long a path'
  | 'another name'
  | 'another trust domain'
  | 'no name'
  | 'two URIs'
  | 'two URIs, the wanted one last'
  | 'a trust domain'
  | 'DNS alone'
  | 'expired'
  | 'expired, of a stranger'
  | 'not yet valid'
  | 'signed by itself'
  | 'of a stranger'
  | 'of a stranger with its root'
  | 'for clients'
  | 'a weak key';

function textOf({ chain, key }: Awaited<ReturnType<CertificateAuthority['issue']>>): Presented {
  return { chain, key: Buffer.from(key.reveal()).toString() };
}

/** Answers 200 over TLS with this certificate, or in the clear. */
export async function startServer(options: ServerOptions | null): Promise<{ readonly port: number; close(): void }> {
  const listener = (_: unknown, response: { end(text: string): void }) => response.end('answered');
  const server = options === null ? createPlainServer(listener) : createServer(options, listener);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { port: (server.address() as AddressInfo).port, close };
}
