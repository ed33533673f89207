import assert from 'node:assert/strict';
import { isMeshError } from '@inmesh/core';
import { loadBootstrap } from './load-bootstrap.ts';

function layersOf(layers: string) {
  return loadBootstrap({
    inline: `node: { id: n, cluster: shop }\nlayered_runtime:\n  layers: ${layers}\n`,
    env: {},
    readFile,
  }).runtimeLayers;
}

function readFile(): never {
  throw new Error('no file is read');
}

describe('layered_runtime', () => {
  it('has static, RTDS, disk and admin layers, in order', () => {
    const found = layersOf(`
    - { name: base, static_layer: { a: { b: 5 } } }
    - { name: disk, disk_layer: { symlink_root: /srv/runtime, subdirectory: current, append_service_cluster: true } }
    - { name: feed, rtds_layer: { name: rtds, rtds_config: { ads: {} } } }
    - { name: admin, admin_layer: {} }`);
    assert.deepEqual(
      found.map((each) => (each.kind === 'static' ? { ...each, layer: [...each.layer.values.keys()] } : each)),
      [
        { kind: 'static', name: 'base', layer: ['a.b'] },
        { kind: 'disk', name: 'disk', directory: '/srv/runtime/current/shop', symlinkRoot: '/srv/runtime' },
        { kind: 'rtds', name: 'feed', resource: 'rtds' },
        { kind: 'admin', name: 'admin' },
      ],
    );
  });

  it('is refused with line and remedy', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['[{ name: a, static_layer: {} }, { name: a, admin_layer: {} }]', /Duplicate layer name: a/],
      ['[{ name: a, admin_layer: {} }, { name: b, admin_layer: {} }]', /second admin layer/],
      ['[{ name: a, static_layer: { x: [1] } }]', /:3.*Invalid runtime entry value for x/],
      ['[{ name: a, rtds_layer: { name: r, rtds_config: { path: /x } } }]', /does not come over ADS/],
      ['[{ name: a, rtds_layer: { rtds_config: { ads: {} } } }]', /rtds_layer\.name: is missing/],
      ['[{ name: a }]', /layers\[0\]/],
    ];
    for (const [layers, reason] of cases) {
      assert.throws(
        () => layersOf(layers),
        (error) => isMeshError(error) && error.code === 'invalid_config' && reason.test(error.message),
        layers,
      );
    }
  });
});
