// What a client makes of an agent that has one place for a stream, as a dialogue with a scripted agent.
import assert from 'node:assert/strict';
import { any, setup, turn } from './dialogue.test.ts';

describe('ads client: the one place of an agent', () => {
  const start = async (serverUri: string) => {
    const scene = setup({ serverUri });
    scene.watch('cluster', 'a');
    await turn();
    const { server } = scene;
    return {
      ...scene,
      /** Another process comes: the agent ends this stream in peace. */
      taken: (answered: boolean): void => {
        if (answered) server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
        server.stream.end(0, '');
      },
    };
  };

  it('is given to the other for a second before it is taken back', async () => {
    const { server, clock, taken } = await start('unix:///etc/istio/proxy/XDS');
    taken(true);
    assert.equal(server.streams.length, 1);
    clock.advance(999);
    assert.equal(server.streams.length, 1);
    clock.advance(1);
    assert.equal(server.streams.length, 2);
  });

  it('is asked for anew at once after any other end', async () => {
    const { server } = await start('unix:///etc/istio/proxy/XDS');
    server.stream.respond('cluster', 'v1', [any('cluster', 'a', '1')]);
    server.stream.end(14, 'istiod is gone');
    assert.equal(server.streams.length, 2);
  });

  it('is contended for: told once, with the remedy', async () => {
    const { clock, taken, errors } = await start('unix:///etc/istio/proxy/XDS');
    for (let i = 0; i < 6; i++) {
      taken(i % 2 === 0);
      clock.advance(5_000);
    }
    assert.equal(errors.length, 1);
    assert.match(errors[0]?.message ?? '', /3 streams in a row .*option broker/);
  });

  it('is not contended for where streams last', async () => {
    const { clock, taken, errors } = await start('unix:///etc/istio/proxy/XDS');
    for (let i = 0; i < 6; i++) {
      taken(true);
      clock.advance(40_000);
    }
    assert.deepEqual(errors, []);
  });

  it('is no matter of a control plane elsewhere', async () => {
    const { server, clock, taken, errors } = await start('xds.test:18000');
    taken(true);
    assert.equal(server.streams.length, 2);
    for (let i = 0; i < 6; i++) {
      taken(true);
      clock.advance(2_000);
    }
    assert.deepEqual(errors, []);
  });
});
