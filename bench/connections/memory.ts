import { Helper } from '../processes.ts';
import type { Row } from '../suite.ts';
import type { Identities, Service } from './feed.ts';
import type { MemoryFound, MemoryOptions } from './memory-client.ts';

/** Connections whose memory is measured. */
const COUNT = 2_000;

export interface MemoryScene {
  readonly services: readonly Service[];
  readonly identities: Identities;
  readonly controlPlane: string;
  readonly rounds: number;
  readonly wanted: (subject: string) => boolean;
  readonly progress: (text: string) => void;
}

/** What an open connection keeps in memory, in a client of its own each time. */
export async function memoryRows(scene: MemoryScene): Promise<Row[]> {
  const { services, identities, controlPlane, rounds, wanted, progress } = scene;
  const rows: Row[] = [];
  for (const service of services) {
    for (let round = 1; round <= rounds; round++) {
      for (const subject of ['raw', 'inmesh'] as const) {
        if (subject !== 'raw' && !wanted(subject)) continue;
        const found = await client({ subject, service, identities, controlPlane, count: COUNT });
        rows.push({ suite: 'connections', case: `${service.protocol} memory`, subject, round, ...found });
      }
      progress(`${service.protocol} memory: round ${round} of ${rounds}`);
    }
  }
  return rows;
}

async function client(options: MemoryOptions): Promise<MemoryFound> {
  const module = new URL('./memory-client.ts', import.meta.url);
  const { helper, ready } = await Helper.start<MemoryFound>(module, options, [...process.execArgv, '--expose-gc']);
  await helper.stop();
  return ready;
}
