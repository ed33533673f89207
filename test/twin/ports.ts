import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below what Linux and macOS give to outgoing connections and to servers that ask for any port: nobody takes these by chance. */
const FIRST = 10_000;
const LAST = 32_000;
/** Ports that are tried at once. */
const STEP = 50;

/** Free ports of the loopback for Envoy's listeners, which stay free until Envoy opens them. The start tells runs at the same time apart. */
export async function listenerPorts(count: number, start: number = process.pid * 499): Promise<number[]> {
  const free: number[] = [];
  const size = LAST - FIRST;
  for (let tried = 0; free.length < count; tried += STEP) {
    if (tried > size) throw new Error(`of ${size} ports from ${FIRST} fewer than ${count} are free`);
    const some = Array.from({ length: STEP }, (_, index) => FIRST + ((start + tried + index) % size));
    const usable = await Promise.all(some.map(isFree));
    free.push(...some.filter((_, index) => usable[index]));
  }
  return free.slice(0, count);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  await once(server.close(), 'close');
  return true;
}
