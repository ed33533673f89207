// A worker thread with a mesh, told what to do by `MeshWorker`.
import { parentPort, workerData } from 'node:worker_threads';
import { type NumberedOrder, obedientMesh } from './mesh-orders.ts';

const obey = await obedientMesh(workerData);
parentPort?.on('message', (order: NumberedOrder) => {
  void obey(order).then((answer) => {
    parentPort?.postMessage(answer);
    if (order.order.do === 'close') parentPort?.close();
  });
});
