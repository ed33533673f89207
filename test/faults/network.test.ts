// The same thirty callers while it is the network between the mesh and its control plane that fails.

import { guardProcess } from '../support/guard-process.ts';
import { hurriedClock } from '../support/hurried-clock.ts';
import { OtherHost, whyNoOtherHost } from './support/namespace.ts';
import { EmbeddedPlane } from './support/plane.ts';
import { CALLS, Scene, SPEED } from './support/scene.ts';
import { Wire } from './support/wire.ts';

/** A scene with a wire in between that can be cut. */
async function wired(delta: boolean): Promise<{ scene: Scene; wire: Wire }> {
  let wire: Wire | undefined;
  const scene = await Scene.start(
    (resources) => EmbeddedPlane.start(resources),
    async (plane) => {
      wire = await Wire.start(Number(plane.address.split(':').at(-1)), hurriedClock(SPEED));
      return { delta, via: wire.address };
    },
  );
  return { scene, wire: wire as Wire };
}

describe('thirty callers do not notice a network to the control plane that is', () => {
  guardProcess();

  for (const delta of [false, true]) {
    describe(delta ? 'delta' : 'state of the world', () => {
      it('slow: a byte a second', async () => {
        const { scene, wire } = await wired(delta);
        await using _scene = scene;
        await using _proxy = wire;
        const { load, plane } = scene;
        wire.mode = 'trickle';
        await plane.serve(scene.young);
        await scene.noticed();
        const accepted = wire.accepted;
        await load.until(() => wire.accepted > accepted + 1, 'two more attempts', 20_000);
        await load.more(CALLS);
        wire.mode = 'pass';
        await scene.recovers();
      });

      it('gone without a FIN', async () => {
        const { scene, wire } = await wired(delta);
        await using _scene = scene;
        await using _proxy = wire;
        const { load, plane } = scene;
        wire.mode = 'drop';
        await scene.noticed();
        await plane.serve(scene.young);
        const accepted = wire.accepted;
        await load.until(() => wire.accepted > accepted + 1, 'two more attempts', 20_000);
        await load.more(CALLS);
        wire.mode = 'pass';
        await scene.recovers();
      });
    });
  }

  const why = whyNoOtherHost();
  (why === null ? describe : describe.skip)(`that of a host of its own${why === null ? '' : ` (${why})`}`, () => {
    it('which vanishes, packets and all, and comes back', async () => {
      using other = new OtherHost();
      await using scene = await Scene.start((resources) => EmbeddedPlane.start(resources, other));
      const { load, plane } = scene;
      other.vanish();
      await scene.noticed();
      await load.more(CALLS);
      await plane.serve(scene.young);
      other.comeBack();
      await scene.recovers();
    });

    it('which vanishes, as the kernel notices where there are no PINGs', async () => {
      using other = new OtherHost();
      await using scene = await Scene.start((resources) => EmbeddedPlane.start(resources, other), { pings: false });
      const { load, plane } = scene;
      other.vanish();
      // Its 40 s are those of real time, and half as many again are for a busy machine.
      await load.until(() => !scene.connected, 'the loss is noticed', 60_000);
      await plane.serve(scene.young);
      other.comeBack();
      await scene.recovers();
    });
  });
});
