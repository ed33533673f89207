import { randomUUID } from 'node:crypto';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import type { SecureContextOptions, TLSSocketOptions } from 'node:tls';

export type RawTls = SecureContextOptions & Pick<TLSSocketOptions, 'ALPNProtocols'> & { readonly servername: string };

/**
 * Raw node:http2 doing by hand what the mesh does: a session per endpoint taken in turn, the service's name as authority, and
 * the headers that a sidecar adds.
 */
export class RawHttp2 {
  readonly #sessions: readonly ClientHttp2Session[];
  readonly #authority: string;
  #next = 0;

  constructor(ports: readonly number[], authority: string, tls: RawTls) {
    this.#sessions = ports.map((port) => connect(`https://127.0.0.1:${port}`, { ...tls }));
    for (const session of this.#sessions) session.on('error', () => {});
    this.#authority = authority;
  }

  /** The status, once the whole body was read. */
  get(path: string, given: Readonly<Record<string, string>>): Promise<number> {
    const session = this.#sessions[this.#next] as ClientHttp2Session;
    this.#next = (this.#next + 1) % this.#sessions.length;
    return new Promise((resolve, reject) => {
      const stream = session.request({
        ':method': 'GET',
        ':scheme': 'http',
        ':authority': this.#authority,
        ':path': path,
        ...given,
        'x-request-id': randomUUID(),
        'x-forwarded-proto': 'http',
        'x-envoy-attempt-count': '1',
      });
      const chunks: Buffer[] = [];
      let status = 0;
      stream.on('response', (headers: IncomingHttpHeaders & { ':status'?: number }) => {
        status = headers[':status'] ?? 0;
      });
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        Buffer.concat(chunks);
        resolve(status);
      });
      stream.on('error', reject);
    });
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }
}
