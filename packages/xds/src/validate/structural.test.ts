import assert from 'node:assert/strict';
import type { JsonValue, Message } from '@bufbuild/protobuf';
import { fromJson, messageType, registry } from '@inmesh/api';
import { structuralValidator } from './structural.ts';

const validate = structuralValidator();

/** The first violation as `field: problem`, or null. */
function check(typeName: string, json: JsonValue): string | null {
  const schema = messageType(typeName);
  const violation = validate(schema, fromJson(schema, json) as Message);
  return violation === null ? null : `${violation.field}: ${violation.problem}`;
}

const cluster = 'envoy.config.cluster.v3.Cluster';
const assignment = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
const routes = 'envoy.config.route.v3.RouteConfiguration';
const endpoint = { endpoint: { address: { socket_address: { address: '10.0.0.1', port_value: 80 } } } };
const route = (json: JsonValue): JsonValue => ({
  name: 'r',
  virtual_hosts: [{ name: 'v', domains: ['*'], routes: [json] }],
});

describe('structural validation', () => {
  const cases: [string, string, JsonValue, string | null][] = [
    ['a good cluster', cluster, { name: 'c', connect_timeout: '5s' }, null],
    ['min_len', cluster, {}, 'name: value length must be at least 1 characters'],
    ['duration gt', cluster, { name: 'c', connect_timeout: '0s' }, 'connect_timeout: value must be greater than 0s'],
    [
      'enum defined_only',
      cluster,
      { name: 'c', lb_policy: 99 },
      'lb_policy: value must be one of the defined enum values',
    ],
    ['an absent wrapper is not checked', cluster, { name: 'c', eds_cluster_config: { eds_config: { ads: {} } } }, null],
    [
      'double lte, nested',
      cluster,
      { name: 'c', common_lb_config: { healthy_panic_threshold: { value: 101 } } },
      'common_lb_config.healthy_panic_threshold.value: value must be greater than or equal to 0 and less than or equal to 100',
    ],
    [
      'a wrapped number',
      assignment,
      { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ ...endpoint, load_balancing_weight: 0 }] }] },
      'endpoints[0].lb_endpoints[0].load_balancing_weight: value must be greater than or equal to 1',
    ],
    [
      'uint32 lte',
      assignment,
      { cluster_name: 'c', endpoints: [{ priority: 129 }] },
      'endpoints[0].priority: value must be less than or equal to 128',
    ],
    [
      'a required oneof',
      assignment,
      { cluster_name: 'c', endpoints: [{ lb_endpoints: [{ endpoint: { address: {} } }] }] },
      'endpoints[0].lb_endpoints[0].endpoint.address.address: value is required',
    ],
    [
      'uint32 gt',
      assignment,
      { cluster_name: 'c', policy: { overprovisioning_factor: 0 } },
      'policy.overprovisioning_factor: value must be greater than 0',
    ],
    [
      'min_items',
      routes,
      { virtual_hosts: [{ name: 'v' }] },
      'virtual_hosts[0].domains: value must contain at least 1 item(s)',
    ],
    [
      'items of a list',
      routes,
      { virtual_hosts: [{ name: 'v', domains: ['a\r\nb'] }] },
      'virtual_hosts[0].domains[0]: value does not match HTTP_HEADER_VALUE',
    ],
    [
      'a required message',
      routes,
      route({ route: { cluster: 'c' } }),
      'virtual_hosts[0].routes[0].match: value is required',
    ],
    [
      'a required action',
      routes,
      route({ match: { prefix: '/' } }),
      'virtual_hosts[0].routes[0].action: value is required',
    ],
    [
      'a pattern, in a oneof',
      routes,
      route({ match: { path_separated_prefix: '/a/' }, route: { cluster: 'c' } }),
      'virtual_hosts[0].routes[0].match.path_separated_prefix: value does not match regex pattern "^[^?#]+[^?#/]$"',
    ],
    [
      'a header name that is no header name',
      routes,
      route({ match: { prefix: '/', headers: [{ name: 'a b', present_match: true }] }, route: { cluster: 'c' } }),
      null,
    ],
    [
      'a header name that would split the header',
      routes,
      route({ match: { prefix: '/', headers: [{ name: 'a\nb', present_match: true }] }, route: { cluster: 'c' } }),
      'virtual_hosts[0].routes[0].match.headers[0].name: value does not match HTTP_HEADER_NAME',
    ],
    [
      'two bounds',
      routes,
      route({ match: { prefix: '/' }, direct_response: { status: 199 } }),
      'virtual_hosts[0].routes[0].direct_response.status: value must be greater than or equal to 200 and less than 600',
    ],
    [
      'an Any is not opened',
      'envoy.config.core.v3.TransportSocket',
      { name: 't', typed_config: { '@type': `type.googleapis.com/${cluster}` } },
      null,
    ],
    [
      'map keys',
      'envoy.config.listener.v3.Listener',
      { metadata: { filter_metadata: { '': {} } } },
      'metadata.filter_metadata[""]: key: value length must be at least 1 characters',
    ],
  ];
  for (const [title, typeName, json, expected] of cases) {
    it(title, () => assert.equal(check(typeName, json), expected));
  }

  it('compiles every message of the API', () => {
    const fresh = structuralValidator();
    let count = 0;
    for (const type of registry()) {
      if (type.kind !== 'message' || type.typeName.startsWith('google.')) continue;
      fresh(type, fromJson(messageType(type.typeName), {}) as Message);
      count += 1;
    }
    assert.ok(count > 500);
  });
});
