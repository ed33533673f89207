import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { isMeshError, noRegex, systemClock, systemRandom, type UpstreamTlsContext } from '@inmesh/core';
import { LateTls } from './late-tls.ts';

const CONTEXT: UpstreamTlsContext = {
  common: {
    minVersion: null,
    maxVersion: null,
    cipherSuites: [],
    ecdhCurves: [],
    signatureAlgorithms: [],
    certificates: [],
    validation: null,
    alpnProtocols: [],
  },
  sni: '',
  autoHostSni: false,
  autoSniSanValidation: false,
  allowRenegotiation: false,
  maxSessionKeys: 1,
};
const MISSING: UpstreamTlsContext = {
  ...CONTEXT,
  common: {
    ...CONTEXT.common,
    certificates: [
      { kind: 'sds', secret: { name: 'default', source: { kind: 'ads' }, initialFetchTimeoutMs: 15_000 } },
    ],
  },
};

describe('TLS that is loaded late', () => {
  const bootstrap = { origin: 'boot.json', format: 'envoy', certificateProviders: {}, grpcClusters: {} };
  const open = () =>
    new LateTls({
      bootstrap: { ...bootstrap, staticSource: null } as never,
      node: { id: 'n', metadata: {} } as never,
      feed: null,
      identity: null,
      sdsTargets: {},
      regex: noRegex,
      clock: systemClock,
      random: systemRandom,
      onWarning: (warning) => assert.fail(warning),
    });
  const follow = (tls: LateTls, context: UpstreamTlsContext) => {
    const heard = new EventEmitter();
    const settled = once(heard, 'settled');
    const followed = tls.follow(
      context,
      { cluster: 'c' },
      { onSettled: () => heard.emit('settled'), onRotated: () => assert.fail('nothing rotates') },
    );
    return { followed, settled };
  };
  const reasonOf = (current: unknown): string => (isMeshError(current) ? current.reason : 'there is material');

  it('is not settled before, and refuses whoever does not wait', async () => {
    const tls = open();
    const { followed, settled } = follow(tls, CONTEXT);
    assert.equal(followed.settled, false);
    assert.match(reasonOf(followed.current()), /it is being loaded/);
    assert.equal(tls.state(CONTEXT), null);
    await settled;
    assert.equal(followed.settled, true);
    assert.equal(reasonOf(followed.current()), 'there is material');
    assert.equal(tls.state(CONTEXT)?.error, null);
    assert.equal(follow(tls, CONTEXT).followed.settled, true, 'the next one is followed at once');
    tls.close();
  });

  it('tells what is missing', async () => {
    const tls = open();
    const { followed, settled } = follow(tls, MISSING);
    await settled;
    assert.match(reasonOf(followed.current()), /secret "default": it is to come over ADS/);
    tls.close();
  });

  it('follows nothing that was let go meanwhile, and nothing once it is closed', async () => {
    const tls = open();
    follow(tls, CONTEXT).followed.release();
    const kept = follow(tls, MISSING);
    await kept.settled;
    assert.equal(tls.state(CONTEXT), null);
    const closed = open();
    const { followed, settled } = follow(closed, CONTEXT);
    closed.close();
    await settled;
    assert.match(reasonOf(followed.current()), /the mesh was closed/);
    tls.close();
  });
});
