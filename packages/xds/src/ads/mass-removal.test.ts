// What a client makes of a control plane that takes many clusters away at once, as dialogues with a scripted control plane.
import assert from 'node:assert/strict';
import { any, setup, turn } from './dialogue.test.ts';
import type { MassRemovalOptions } from './mass-removal.ts';

const names = Array.from({ length: 10 }, (_, index) => `c${index}`);

async function scene(massRemoval: MassRemovalOptions = { holdMs: 60_000 }) {
  const errors: Error[] = [];
  const { server, client, clock, watch } = setup({ massRemoval, onError: (error) => errors.push(error) });
  const heard = new Map(names.map((name) => [name, watch('cluster', name).said]));
  await turn();
  const tell = (version: string, left: readonly string[], content = '1'): void =>
    server.stream.respond(
      'cluster',
      version,
      left.map((name) => any('cluster', name, content)),
    );
  tell('v1', names);
  /** Those in force, by their numbers. */
  const inForce = (): string => [...client.names('cluster')].map((name) => name.slice(1)).join('');
  return { server, client, clock, errors, heard, tell, inForce, watch };
}

describe('a mass removal', () => {
  it('is held, told, and done when its time is over', async () => {
    const { client, clock, errors, heard, tell, inForce } = await scene();
    tell('v2', names.slice(0, 4));
    assert.equal(inForce(), '0123456789');
    assert.deepEqual(heard.get('c9'), ['changed 1', 'ambient no_cluster']);
    assert.equal(errors.length, 1);
    assert.match(
      errors[0]?.message ?? '',
      /removed 6 of 10 clusters at once; they stay in force for 60000 ms, as massRemoval/,
    );
    const status = client.status().resources.find(({ name }) => name === 'c9');
    assert.equal(status?.state, 'ACKED');
    assert.match(status?.error ?? '', /6 of 10 clusters/);
    clock.advance(59_999);
    assert.equal(inForce(), '0123456789');
    clock.advance(1);
    assert.equal(inForce(), '0123');
    assert.deepEqual(heard.get('c9'), ['changed 1', 'ambient no_cluster', 'resource no_cluster']);
    assert.deepEqual(heard.get('c0'), ['changed 1']);
    assert.equal(clock.pending, 0);
  });

  it('is over for what comes again, as it was or new', async () => {
    const { clock, heard, tell, inForce } = await scene();
    tell('v2', []);
    tell('v3', names.slice(0, 8));
    tell('v4', names.slice(0, 9), '2');
    clock.advance(60_000);
    assert.equal(inForce(), '012345678');
    assert.deepEqual(heard.get('c0'), ['changed 1', 'ambient no_cluster', 'changed 2']);
    assert.equal(heard.get('c9')?.at(-1), 'resource no_cluster');
  });

  it('is none where few go, or few are left to go', async () => {
    const { clock, errors, tell, inForce } = await scene();
    tell('v2', names.slice(0, 5));
    assert.equal(inForce(), '01234', 'half of them is not more than half');
    tell('v3', names.slice(0, 1));
    assert.equal(inForce(), '0', 'four are below the minimum');
    assert.deepEqual([errors, clock.pending], [[], 0]);
  });

  it('counts what one update after the other takes away', async () => {
    const { clock, errors, tell, inForce } = await scene({ share: 0.5, minimum: 2, holdMs: 1_000 });
    tell('v2', names.slice(0, 4));
    clock.advance(500);
    tell('v3', names.slice(0, 3));
    assert.equal(inForce(), '0123456789', 'one more is held with the rest');
    assert.equal(errors.length, 2);
    tell('v4', names.slice(0, 3));
    assert.equal(errors.length, 2, 'what is held is told once');
    clock.advance(500);
    assert.equal(inForce(), '012');
  });

  it('is not done while the control plane is away', async () => {
    const { server, clock, tell, inForce } = await scene({ holdMs: 10_000 });
    tell('v2', []);
    server.connected = false;
    server.stream.end();
    clock.advance(30_000);
    assert.equal(inForce(), '0123456789');
    server.stream.open();
    clock.advance(10_000);
    assert.equal(inForce(), '');
  });

  it('concerns no listeners', async () => {
    const { server, client, watch } = await scene({ minimum: 1 });
    watch('listener', 'a');
    await turn();
    server.stream.respond('listener', 'v1', [any('listener', 'a', '1')]);
    server.stream.respond('listener', 'v2', []);
    assert.deepEqual([...client.names('listener')], []);
  });

  it('that nobody waits for any more leaves nothing behind', async () => {
    const { client, clock, tell } = await scene();
    tell('v2', []);
    client.close();
    assert.equal(clock.pending, 0);
  });
});
