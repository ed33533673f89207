import { connect } from 'node:net';
import type { Pair } from './case.ts';
import type { Sent } from './clients.ts';
import type { Reply } from './observation.ts';

/** Milliseconds that an answer may take: a server that waits for more of a request says nothing. */
const PATIENCE_MS = 5_000;

/** Sends a request byte for byte, well-formed or not, over a connection of its own, and reads what comes until it ends. */
export function sendRaw(port: number, { method, authority, path, headers, body }: Sent): Promise<Reply> {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${authority}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  if (body !== null) lines.push(`content-length: ${body.byteLength}`);
  lines.push('connection: close', '', '');
  const bytes = Buffer.concat([Buffer.from(lines.join('\r\n'), 'latin1'), body ?? Buffer.alloc(0)]);
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const chunks: Buffer[] = [];
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error) => {
      // A server that refuses a request may reset what it has not read.
      if (chunks.length === 0 && (error as NodeJS.ErrnoException).code === 'ECONNREFUSED') reject(error);
    });
    socket.on('close', () => resolve(parse(Buffer.concat(chunks).toString('latin1'))));
  });
}

function parse(text: string): Reply {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, Math.max(end, 0)).split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0);
  const headers = lines.map((line): Pair => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const chunked = headers.some(([name, value]) => name === 'transfer-encoding' && value === 'chunked');
  const rest = text.slice(end + 4);
  const body = chunked ? rest.replace(/([0-9a-f]+)\r\n(.*?)\r\n/gs, '$2') : rest;
  return { status, headers, body, trailers: [], informational: [], broken: status === 0 };
}
