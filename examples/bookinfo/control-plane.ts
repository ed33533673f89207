/**
 * The embedded control plane in a process of its own, as `npx inmesh control-plane FOLDER` starts it, which also tells the
 * demo who has accepted what: `node --conditions=@inmesh/source control-plane.ts FOLDER PORT`.
 */
import { flushCompileCache } from 'node:module';
import { type ControlPlane, type NodeStatus, startControlPlane } from '@inmesh/control-plane';
import type { FromPlane, PlaneNode } from './demo/messages.ts';

const [folder = '', port = ''] = process.argv.slice(2);
if (port === '') throw new Error('usage: control-plane.ts FOLDER PORT');

let plane: ControlPlane | null = null;
let loads = 0;
let due = false;

/** After the event has had its effect: a change is told before it is sent to anybody. */
function tellSoon(): void {
  if (due) return;
  due = true;
  setImmediate(() => {
    due = false;
    if (plane === null || !process.connected) return;
    const { nodes, files } = plane.status();
    const errors = files.flatMap(({ error }) => (error === null ? [] : [error]));
    process.send?.({ type: 'state', loads, errors, nodes: nodes.map(nodeOf) } satisfies FromPlane);
  });
}

function nodeOf({ id, userAgent, types }: NodeStatus): PlaneNode {
  const each = Object.values(types);
  const nack = each.find((type) => type.nack !== null)?.nack?.message ?? null;
  return {
    id,
    userAgent,
    settled: each.every(({ sentVersion, ackedVersion }) => sentVersion !== null && sentVersion === ackedVersion),
    nack,
  };
}

async function stop(): Promise<void> {
  await plane?.close();
  if (process.connected) process.disconnect();
}

process.on('SIGTERM', stop);
process.on('SIGINT', () => {}); // The demo says when.
process.once('disconnect', () => process.exit());

plane = await startControlPlane({
  folder,
  listen: { host: '127.0.0.1', port: Number(port) },
  onEvent: (event) => {
    if (event.type === 'loaded') loads++;
    tellSoon();
  },
});
// For the processes that start next; see NODE_COMPILE_CACHE.
flushCompileCache();
tellSoon();
