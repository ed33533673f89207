// A process with a mesh, told what to do by `MeshProcess`.
import { type NumberedOrder, obedientMesh } from './mesh-orders.ts';

const obey = await obedientMesh(JSON.parse(process.argv[2] ?? '{}'));
process.on('message', (order: NumberedOrder) => {
  void obey(order).then((answer) => {
    process.send?.(answer);
    if (order.order.do === 'close') process.disconnect();
  });
});
