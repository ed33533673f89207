import assert from 'node:assert/strict';
import { VirtualClock } from '@inmesh/core';
import { CertificateAuthority } from '../ca/index.ts';
import { material, refusal, Scene } from '../testing/tls-contexts-scene.ts';
import { inline, inlineCertificate, sds, sdsCertificate, validationContext } from '../testing/tls-models.ts';
import { Rebuilds } from './rebuilds.ts';

describe('Rebuilds', () => {
  it('works in slices, between which the loop is free', () => {
    /** Work takes time. */
    class WorkingClock extends VirtualClock {
      worked = 0;
      override now(): number {
        return super.now() + this.worked;
      }
    }
    const clock = new WorkingClock();
    const turns: (() => void)[] = [];
    clock.afterInput = (callback) => void turns.push(callback);
    const rebuilds = new Rebuilds(clock);
    const done: number[] = [];
    const jobs = Array.from({ length: 7 }, (_, index) => () => {
      clock.worked += 2;
      done.push(index);
    });
    for (const job of [...jobs, ...jobs]) rebuilds.later(job);
    assert.equal(rebuilds.take(jobs[1]!), true);
    assert.equal(rebuilds.take(jobs[1]!), false);
    const after: number[][] = [];
    for (let turn = turns.shift(); turn !== undefined; turn = turns.shift()) {
      turn();
      after.push([...done]);
    }
    assert.deepEqual(after, [
      [0, 2, 3],
      [0, 2, 3, 4, 5, 6],
    ]);
  });
});

describe('TlsContexts, when secrets are renewed', () => {
  let authority: CertificateAuthority;

  before(async () => {
    authority = await CertificateAuthority.create();
  });

  async function followed() {
    const scene = new Scene();
    scene.secrets.afterwards = () => undefined;
    const tls = scene.follow({
      certificates: [sdsCertificate('default')],
      validation: { context: null, secret: sds('ROOTCA'), provider: null },
    });
    const renew = async () => {
      scene.secrets.certificate('default', inlineCertificate(await authority.issue()));
      scene.secrets.validation('ROOTCA', validationContext({ trustedCa: inline(authority.root) }));
    };
    await renew();
    return { scene, tls, renew, first: material(tls.current()) };
  }

  it('builds once for two that come together', async () => {
    const { scene, tls, renew, first } = await followed();
    await renew();
    assert.deepEqual(scene.events, ['settled']);
    scene.clock.advance(0);
    assert.deepEqual(scene.events, ['settled', 'rotated']);
    assert.notEqual(tls.current(), first);
    scene.clock.advance(0);
    assert.deepEqual([scene.events, scene.clock.pending], [['settled', 'rotated'], 0]);
  });

  it('builds at once for whoever connects', async () => {
    const { scene, tls, renew, first } = await followed();
    await renew();
    const second = material(tls.current());
    assert.notEqual(second, first);
    scene.clock.advance(0);
    assert.equal(tls.current(), second);
    assert.deepEqual(scene.events, ['settled', 'rotated']);
  });

  it('takes what is revoked out of force at once', async () => {
    const { scene, tls, renew } = await followed();
    await renew();
    scene.secrets.revoked('default', 'no identity is issued to this process');
    assert.deepEqual(scene.events, ['settled', 'rotated']);
    assert.match(refusal(tls.current()), /no identity is issued to this process/);
    scene.clock.advance(0);
    assert.deepEqual(scene.events, ['settled', 'rotated']);
  });

  it('builds nothing for what nobody follows any more', async () => {
    const { scene, tls, renew } = await followed();
    await renew();
    tls.release();
    scene.clock.advance(0);
    assert.deepEqual(scene.events, ['settled']);
  });
});
