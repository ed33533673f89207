import * as net from 'node:net';

/** Somebody where a broker should be: answers every message with one of its own, or nothing at all. */
export class FakeBroker {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();

  constructor(answer: object | null) {
    this.#server = net.createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('data', (data) => {
        if (answer === null) return;
        // A heartbeat is a frame without content.
        const isBeat = data.length === 4;
        socket.write(isBeat ? data : frame(message(answer)));
      });
    });
  }

  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

/** The length of the head, and the head. */
function message(head: object): Buffer {
  return frame(Buffer.from(JSON.stringify(head)));
}

function frame(content: Buffer): Buffer {
  const prefix = Buffer.alloc(4);
  prefix.writeUInt32BE(content.length);
  return Buffer.concat([prefix, content]);
}
