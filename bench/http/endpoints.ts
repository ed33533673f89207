import type { Socket } from 'node:net';

/** What the parent of a server may ask for. */
export type ServerQuestion = 'cpu' | 'capture' | 'captured';

/** Bytes of one request and the port that it came to. */
export interface Captured {
  readonly port: number;
  readonly text: string;
}

/** Endpoints that cost as little as can be, so that the client is the bottleneck: a prepared answer per end of a request head. */
export class Endpoints {
  readonly #response: Buffer;
  #captured: Captured[] | null = null;

  constructor(bodyBytes: number) {
    const head = [
      'HTTP/1.1 200 OK',
      'content-type: application/json',
      `content-length: ${bodyBytes}`,
      'date: Sat, 01 Nov 2025 00:00:00 GMT',
      'server: bench',
      'connection: keep-alive',
    ];
    this.#response = Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.alloc(bodyBytes, 'x')]);
  }

  answer(question: ServerQuestion): object {
    if (question === 'cpu') return process.cpuUsage();
    const captured = this.#captured ?? [];
    this.#captured = question === 'capture' ? [] : null;
    return captured;
  }

  /** Requests have no bodies here: a request ends where its head does. */
  serve(socket: Socket): void {
    let rest = '';
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => {
      const text = rest + chunk.toString('latin1');
      let from = 0;
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n', from)) {
        this.#captured?.push({ port: socket.localPort ?? 0, text: text.slice(from, end + 4) });
        from = end + 4;
        socket.write(this.#response);
      }
      rest = from === text.length ? '' : text.slice(from);
    });
  }
}
