import { createServer } from 'node:net';

/**
 * Below the range from which Linux, macOS and Windows take the ports of outgoing connections: while an endpoint is down, a
 * connection to it must not happen to be given its port, or even connect to itself.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** Finds ports that nobody listens on, each another one. */
export class Ports {
  readonly #given = new Set<number>();

  async free(): Promise<number> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
      if (this.#given.has(port) || !(await isFree(port))) continue;
      this.#given.add(port);
      return port;
    }
    throw new Error(`no free port was found between ${FIRST} and ${LAST}`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
