import { type ControlPlane, type ResourceInput, startControlPlane } from '@inmesh/control-plane';

/** What the parent says: where to listen, with what; then other resources. */
export type Order =
  | { readonly listen: { readonly host: string; readonly port: number }; readonly resources: ResourceInput[] }
  | { readonly resources: ResourceInput[] };

let plane: ControlPlane | null = null;

process.on('message', (order: Order) => {
  void (async () => {
    if ('listen' in order) plane = await startControlPlane(order);
    else plane?.update(order.resources);
    process.send?.({ address: plane?.address });
  })();
});
process.on('disconnect', () => process.exit(0));
