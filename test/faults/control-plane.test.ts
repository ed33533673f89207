// Thirty callers use a service through the mesh without a pause while its control plane fails in every way that we could
// think of, as a process of its own. No call fails, and afterwards new configuration arrives within the bound of `RECOVERY_MS`.
import { describeWithPeers } from '../peers/support/peers.ts';
import { guardProcess } from '../support/guard-process.ts';
import { startTcp } from '../support/servers.ts';
import { EmbeddedPlane, GcpPlane } from './support/plane.ts';
import { CALLS, Scene } from './support/scene.ts';

type Start = Parameters<typeof Scene.start>[0];

function faults(start: Start, delta: boolean): void {
  it('killed, and started again with other resources', async () => {
    await using scene = await Scene.start(start, { delta });
    const { load, plane } = scene;
    await plane.kill();
    await scene.noticed();
    await load.more(CALLS);
    await plane.start(scene.young);
    await scene.recovers();
  });

  it('paused for a moment, and resumed', async () => {
    await using scene = await Scene.start(start, { delta });
    const { load, plane } = scene;
    plane.pause();
    await load.more(CALLS);
    plane.resume();
    await plane.serve(scene.young);
    await scene.recovers();
  });

  it('started again empty, where deletions are to be ignored', async () => {
    await using scene = await Scene.start(start, { delta, features: ['ignore_resource_deletion'] });
    const { load, plane } = scene;
    await plane.kill();
    await scene.noticed();
    await plane.start([]);
    await load.until(() => scene.removalHeard, 'the empty control plane has said so', 20_000);
    await load.more(CALLS);
    load.assertNoFailure();
    await plane.serve(scene.young);
    await scene.recovers();
  });

  it('half-open: it accepts, and never answers', async () => {
    await using scene = await Scene.start(start, { delta });
    const { load, plane } = scene;
    await plane.kill();
    const port = Number(plane.address.split(':').at(-1));
    const mute = await startTcp((socket) => socket.resume(), {}, port);
    await load.until(() => mute.accepted > 2, 'three attempts', 20_000);
    await load.more(CALLS);
    await mute.close();
    await plane.start(scene.young);
    await scene.recovers();
  });
}

describe('thirty callers do not notice a control plane that is', () => {
  guardProcess();

  for (const delta of [false, true]) {
    describe(`the embedded one, ${delta ? 'delta' : 'state of the world'}`, () => {
      faults((resources) => EmbeddedPlane.start(resources), delta);

      it('paused for longer than a PING may take, and resumed', async () => {
        await using scene = await Scene.start((resources) => EmbeddedPlane.start(resources), { delta });
        const { load, plane } = scene;
        plane.pause();
        await scene.noticed();
        await load.more(CALLS);
        plane.resume();
        await plane.serve(scene.young);
        await scene.recovers();
      });
    });
  }

  describeWithPeers(['gcp'], 'go-control-plane', () => {
    for (const delta of [false, true]) {
      describe(delta ? 'delta' : 'state of the world', () => {
        faults((resources) => GcpPlane.start(resources), delta);

        it('started again with other versions of the same', async () => {
          await using scene = await Scene.start((resources) => GcpPlane.start(resources), { delta });
          const { load, plane } = scene;
          const versions = (): string => (scene.mesh.feed()?.resources ?? []).map(({ version }) => version).join();
          const before = versions();
          await plane.kill();
          await scene.noticed();
          await plane.start(scene.old);
          await load.until(() => scene.connected, 'it is met again', 20_000);
          // Delta versions are of the content, and that is the same.
          if (!delta) await load.until(() => versions() !== before, 'other versions are in force', 20_000);
          await load.more(CALLS);
          await plane.serve(scene.young);
          await scene.recovers();
        });

        it('started again without a snapshot', async () => {
          await using scene = await Scene.start((resources) => GcpPlane.start(resources), { delta });
          const { load, plane } = scene;
          await plane.kill();
          await plane.startWithoutSnapshot();
          await load.until(() => scene.mesh.feed()?.stream.state === 'connecting', 'it is asked', 20_000);
          await load.more(CALLS);
          load.assertNoFailure();
          await plane.serve(scene.young);
          await scene.recovers();
        });
      });
    }
  });
});
