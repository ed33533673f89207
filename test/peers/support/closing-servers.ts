import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTcp } from './apps.ts';
import { binaryOf } from './peers.ts';
import { freePorts, portOf } from './ports.ts';
import { PeerProcess } from './processes.ts';
import { until } from './until.ts';

/** A server that answers every request with `ok` and ends connections of its own accord. */
export interface ClosingServer {
  readonly port: number;
  close(): Promise<void>;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

/** Node's HTTP server; it ends connections that were without a request for so many milliseconds. */
export async function nodeServer(idleMs: number): Promise<ClosingServer> {
  const server = createServer(
    { keepAliveTimeout: idleMs, keepAliveTimeoutBuffer: 0 } as object,
    (request, response) => {
      // Without its hint, which would tell the client not to keep the connection.
      response.shouldKeepAlive = true;
      response.setHeader('connection', 'keep-alive');
      request.resume().on('end', () => response.end('ok'));
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: portOf(server),
    close: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}

/** Go's HTTP server, over HTTP/1.1 and HTTP/2: the same, with a GOAWAY over HTTP/2. */
export async function goServer(idleMs: number): Promise<ClosingServer> {
  const server = new PeerProcess('go-http-server', binaryOf('go-http-server'), [`${idleMs}ms`]);
  const port = await new Promise<number>((resolve, reject) => {
    server.onLine((line) => {
      const found = /^port (\d+)$/.exec(line);
      if (found === null) reject(new Error(line));
      else resolve(Number(found[1]));
    });
  });
  return { port, close: () => server.stop() };
}

export interface NginxOptions {
  readonly idleMs: number;
  /** Calls after which it ends a connection. */
  readonly requests: number;
  readonly http2?: boolean;
}

/** A real nginx, which ends connections at rest, and busy ones after so many calls: with `connection: close`, or a GOAWAY. */
export async function nginxServer({ idleMs, requests, http2 = false }: NginxOptions): Promise<ClosingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'inmesh-nginx-'));
  const [port = 0] = await freePorts(1);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'scgi', 'uwsgi'].map(
    (of) => `${of}_temp_path ${folder}/${of};`,
  );
  const config = `
    daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
    events { worker_connections 256; }
    http {
      ${temporary.join(' ')}
      access_log off; keepalive_timeout ${idleMs}ms; keepalive_requests ${requests};
      server { listen 127.0.0.1:${port}${http2 ? ' http2' : ''}; location / { return 200 ok; } }
    }`;
  writeFileSync(join(folder, 'nginx.conf'), config);
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'];
  const server = new PeerProcess('nginx', binaryOf('nginx'), args);
  await until('nginx listens', async () => {
    if (!server.alive) throw new Error(server.log);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.destroy();
    return true;
  });
  return {
    port,
    close: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** It says nothing of its ends, and ends connections that were without a request for so many milliseconds. */
export function silentServer(idleMs: number): Promise<ClosingServer> {
  return startTcp((socket) => {
    let timer: NodeJS.Timeout | undefined;
    answerAll(socket, () => {
      timer ??= setTimeout(() => socket.end(), idleMs);
      timer.refresh();
      return false;
    });
  });
}

/** It says nothing of its ends, which come right behind the answers that `ends` chooses. */
export function hastyServer(ends: () => boolean): Promise<ClosingServer> {
  return startTcp((socket) => answerAll(socket, ends));
}

/** A small server of HTTP/1.1, whose end is exactly where the test wants it. `ends`: close behind this answer. */
function answerAll(socket: Socket, ends: () => boolean): void {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
      const length = Number(/content-length: (\d+)/i.exec(text.slice(0, end))?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      text = text.slice(end + 4 + length);
      socket.write(OK);
      if (ends()) socket.end();
    }
  });
}
