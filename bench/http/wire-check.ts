import type { Helper } from '../processes.ts';
import type { Captured } from './endpoints.ts';
import type { Subject } from './subjects.ts';

/**
 * Before anything is measured: the mesh and the baseline put the same bytes on the wire (but for the value of the request
 * id) and take the endpoints in turn. Otherwise the comparison means nothing, and the bench refuses to run.
 */
export async function checkWire(server: Helper, subjects: readonly Subject[], endpoints: number): Promise<string> {
  const seen = new Map<string, string>();
  for (const subject of subjects) {
    await server.ask('capture');
    for (let i = 0; i < endpoints; i++) await subject.call();
    const captured = await server.ask<Captured[]>('captured');
    const hosts = new Set(captured.map(({ port }) => port));
    if (captured.length !== endpoints || hosts.size !== endpoints) {
      throw new Error(`${subject.name} sent ${captured.length} requests to ${hosts.size} of ${endpoints} endpoints`);
    }
    const texts = new Set(captured.map(({ text }) => maskId(text)));
    if (texts.size !== 1) throw new Error(`${subject.name} does not send the same to each endpoint`);
    seen.set(subject.name, texts.values().next().value as string);
  }
  const [[first, expected] = ['', '']] = seen;
  for (const [name, text] of seen) {
    if (text !== expected) throw new Error(`${name} and ${first} do not send the same:\n${text}\n${expected}`);
  }
  return `on the wire, the same bytes and the same rotation (checked): ${[...seen.keys()].join(', ')}; ${expected.length} bytes a request`;
}

function maskId(text: string): string {
  return text.replace(
    /^(x-request-id: )([0-9a-f-]{36})\r$/im,
    (_, name, id: string) => `${name}${'x'.repeat(id.length)}\r`,
  );
}
