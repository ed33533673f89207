import assert from 'node:assert/strict';
import { create } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import { parseText } from '@inmesh/xds';
import { readResources, resourcesFrom } from './resource.ts';

const good = `resources:
- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster
  name: reviews
  connect_timeout: 1s
- "@type": type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment
  cluster_name: reviews
- "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret
  name: ca
- "@type": type.googleapis.com/envoy.service.runtime.v3.Runtime
  name: layer
`;

describe('resources', () => {
  it('are read from YAML, each with its name and place', () => {
    const resources = readResources(parseText(good, 'mesh.yaml'));
    assert.deepEqual(
      resources.map(({ typeUrl, name, origin }) => [typeUrl.split('.').at(-1), name, origin]),
      [
        ['Cluster', 'reviews', 'mesh.yaml:2:3'],
        ['ClusterLoadAssignment', 'reviews', 'mesh.yaml:5:3'],
        ['Secret', 'ca', 'mesh.yaml:7:3'],
        ['Runtime', 'layer', 'mesh.yaml:9:3'],
      ],
    );
  });

  it('are taken from code, as JSON and as messages', () => {
    const cluster = create(messageType<Cluster>('envoy.config.cluster.v3.Cluster'), { name: 'a' });
    const resources = resourcesFrom([
      cluster,
      { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a' },
    ]);
    assert.deepEqual(resources[0]?.any, resources[1]?.any);
    assert.equal(resources[1]?.origin, 'resources[1] given in code');
  });

  const bad: [string, string, RegExp][] = [
    ['nothing at all', '', /bad\.yaml:1:1: there is no list of resources; write `resources:`/],
    ['no list', 'resources: 5', /bad\.yaml:1:12: resources: is not a list; write/],
    [
      'an unknown type',
      'resources:\n- "@type": type.googleapis.com/envoy.config.cluster.v3.Clutter\n',
      /bad\.yaml:2:12: resources\[0\]\.@type: type ".*Clutter" is not known; check/,
    ],
    ['no type', 'resources:\n- name: a\n', /bad\.yaml:2:3: resources\[0\]: has no @type; use/],
    [
      'no name',
      'resources:\n- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  connect_timeout: 1s\n',
      /bad\.yaml:2:3: resources\[0\]\.name: is empty; give/,
    ],
    [
      'a message that is no resource',
      'resources:\n- "@type": type.googleapis.com/google.protobuf.Duration\n  value: 1s\n',
      /bad\.yaml:2:3: resources\[0\]: google\.protobuf\.Duration is no resource/,
    ],
    [
      'a field that does not fit',
      'resources:\n- "@type": type.googleapis.com/envoy.config.cluster.v3.Cluster\n  name: a\n  connect_timeout: 5\n',
      /bad\.yaml:4:20: resources\[0\]\.connect_timeout: 5 is no google\.protobuf\.Duration; write/,
    ],
    ['broken YAML', 'resources: [\n', /bad\.yaml:\d+:\d+: .*; /],
  ];
  for (const [what, text, message] of bad) {
    it(`refuse ${what}, naming file, line, field and remedy`, () => {
      assert.throws(() => readResources(parseText(text, 'bad.yaml')), message);
    });
  }

  it('refuse what code gives wrongly, naming item and field', () => {
    const input = { '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster', name: 'a', lb_policy: 'NO' };
    assert.throws(() => resourcesFrom([input]), /resources\[0\]\.lb_policy: "NO" is no .*LbPolicy; use one of/);
  });
});
