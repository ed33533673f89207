import { randomUUID } from 'node:crypto';
import { Dispatcher, Pool } from 'undici';

/**
 * Raw undici doing by hand what the mesh does for such a route: a pool per endpoint taken in turn, the service's name as
 * `Host`, and the headers that a sidecar adds. Written as somebody would who counts every copy.
 */
export class SameWork extends Dispatcher {
  readonly #pools: readonly Pool[];
  readonly #host: string;
  #next = 0;

  /** `options`: of each pool; with `connect` among them it speaks TLS. */
  constructor(ports: readonly number[], host: string, options: Pool.Options = {}) {
    super();
    const scheme = options.connect === undefined ? 'http' : 'https';
    this.#pools = ports.map((port) => new Pool(`${scheme}://127.0.0.1:${port}`, options));
    this.#host = host;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const pool = this.#pools[this.#next] as Pool;
    this.#next = (this.#next + 1) % this.#pools.length;
    const headers = ['host', this.#host];
    const given = options.headers as Record<string, string>;
    for (const name in given) headers.push(name, given[name] as string);
    headers.push('x-request-id', randomUUID(), 'x-forwarded-proto', 'http', 'x-envoy-attempt-count', '1');
    const { path, method, body = null, reset = false } = options;
    return pool.dispatch({ path, method, headers, body, reset }, handler);
  }

  override async destroy(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.destroy()));
  }
}
