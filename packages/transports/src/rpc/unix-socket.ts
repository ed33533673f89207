import { lstat, unlink } from 'node:fs/promises';
import * as net from 'node:net';

/** Listens on a unix socket; a socket file that a dead process left behind is replaced, one that somebody serves is not. */
export async function bindUnixSocket(server: net.Server, path: string): Promise<void> {
  try {
    await listen(server, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || !(await isAbandoned(path))) throw error;
    await unlink(path);
    await listen(server, path);
  }
}

function listen(server: net.Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function isAbandoned(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => null);
  if (stats === null || !stats.isSocket()) return false;
  return new Promise((resolve) => {
    const probe = net.connect({ path }, () => {
      probe.destroy();
      resolve(false);
    });
    probe.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
