import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

type Json = Record<string, unknown>;

const TCP_PROXY = 'type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

/** A listener on loopback with one TCP proxy, whose statistics have the listener's name. */
export function tcpListener(name: string, port: number, proxy: Json, chain: Json = {}): Json {
  return {
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [
      { filters: [{ name: 'tcp', typed_config: { '@type': TCP_PROXY, stat_prefix: name, ...proxy } }], ...chain },
    ],
  };
}

/**
 * A small database of lines: `whoami` has its name, `set <key> <value>` and `get <key>` are what they say, `quit` has it hang up, and
 * `sum` what it has heard since then until the client ends its side, as the number of bytes.
 */
export class LineServer {
  readonly name: string;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #values = new Map<string, string>();

  private constructor(name: string) {
    this.name = name;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#serve(socket));
  }

  static async start(name: string): Promise<LineServer> {
    const server = new LineServer(name);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address !== 'object') throw new Error('the server does not listen on a port');
    return address.port;
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
  }

  #serve(socket: Socket): void {
    this.#open.add(socket);
    let rest = '';
    let sum = -1;
    socket.on('error', () => {}).once('close', () => this.#open.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      if (sum >= 0) {
        sum += chunk.length;
        return;
      }
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      while (lines.length > 0 && sum < 0) {
        const [word = '', key = '', value = ''] = (lines.shift() ?? '').split(' ');
        if (word === 'sum') sum = lines.concat(rest).join('\n').length;
        else if (word === 'quit') socket.end('ok\n');
        else socket.write(`${this.#answer(word, key, value)}\n`);
      }
    });
    socket.on('end', () => socket.end(sum < 0 ? '' : `${sum}\n`));
  }

  #answer(word: string, key: string, value: string): string {
    if (word === 'whoami') return this.name;
    if (word === 'get') return this.#values.get(key) ?? '';
    if (word === 'set') this.#values.set(key, value);
    return 'ok';
  }
}
