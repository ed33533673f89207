// A worker thread with a mesh, told what to do by `MeshWorker`.
import { parentPort, workerData } from 'node:worker_threads';
import { createMesh } from 'inmesh';
import type { WorkerAnswer, WorkerOrder } from './mesh-worker-client.ts';

const warnings: string[] = [];
const mesh = await createMesh({ env: {}, ...workerData, onWarning: ({ message }) => warnings.push(message) });

async function obey(order: WorkerOrder): Promise<unknown> {
  switch (order.do) {
    case 'get':
      return (await mesh.fetch(order.url)).text();
    case 'explain':
      return mesh.explain(order.url);
    case 'feed':
      return mesh.feed();
    case 'warnings':
      return warnings;
    case 'close':
      mesh.close();
      return null;
  }
}

parentPort?.on('message', (order: WorkerOrder) => {
  const answer = (value: unknown, error: string | null): void => {
    parentPort?.postMessage({ id: order.id, value, error } satisfies WorkerAnswer);
    if (order.do === 'close') parentPort?.close();
  };
  void obey(order).then(
    (value) => answer(value, null),
    (error) => answer(null, String(error)),
  );
});
