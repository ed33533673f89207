import type { JsonObject } from '@bufbuild/protobuf';
import { type EdgeCase, endpoint, locality, RANGE, socket } from './edge-case.ts';

const MAX = 4_294_967_295;

const endpoints = (
  title: string,
  list: JsonObject[],
  envoy: RegExp | null,
  grpc: RegExp | null,
  more: Pick<EdgeCase, 'unlikeEnvoy' | 'unlikeGrpc'> & { readonly policy?: JsonObject } = {},
): EdgeCase => {
  const { policy, ...rest } = more;
  const fields = policy === undefined ? { endpoints: list } : { endpoints: list, policy };
  return { title, kind: 'clusterLoadAssignment', fields, envoy, grpc, ...rest };
};

const of = (...list: JsonObject[]): JsonObject => locality({ lb_endpoints: list });

export const ENDPOINTS: readonly EdgeCase[] = [
  endpoints('good ones', [of(endpoint(1), endpoint(2))], null, null),
  endpoints('none', [], null, null),
  endpoints('a locality without endpoints', [of()], null, null),
  endpoints('no locality', [locality({ locality: null })], null, /locality: value is required/),
  endpoints('a locality twice', [of(endpoint(1)), of(endpoint(2))], null, /duplicate locality/),
  endpoints(
    'a locality at two priorities',
    [of(endpoint(1)), locality({ priority: 1, lb_endpoints: [endpoint(2)] })],
    null,
    null,
  ),
  endpoints('no priority 0', [locality({ priority: 1 })], null, /priority 0 is missing/),
  endpoints(
    'a gap in the priorities',
    [of(endpoint(1)), locality({ priority: 2, lb_endpoints: [endpoint(2)] })],
    null,
    /priority 1 is missing/,
  ),
  endpoints('priority 129', [locality({ priority: 129 })], /priority/, /priority/),
  endpoints('an address twice', [of(endpoint(1), endpoint(1))], null, /duplicate endpoint/),
  endpoints(
    'an address twice, at two priorities',
    [of(endpoint(1)), locality({ priority: 1 })],
    null,
    /duplicate endpoint/,
  ),
  endpoints(
    'an address again among additional ones',
    [of({ endpoint: { address: socket(1), additional_addresses: [{ address: socket(1) }] } })],
    null,
    /duplicate endpoint/,
  ),
  endpoints(
    'an endpoint of weight 0',
    [of(endpoint(1, { load_balancing_weight: 0 }))],
    /load_balancing_weight/,
    /load_balancing_weight/,
  ),
  endpoints('a locality of weight 0', [locality({ load_balancing_weight: 0 })], /load_balancing_weight/, null),
  endpoints(
    'weights of endpoints above uint32',
    [of(endpoint(1, { load_balancing_weight: MAX }), endpoint(2, { load_balancing_weight: 1 }))],
    null,
    /sum of the weights of endpoints/,
  ),
  endpoints(
    'weights of localities above uint32',
    [locality({ load_balancing_weight: MAX }), locality({ locality: { zone: 'b' }, lb_endpoints: [endpoint(2)] })],
    null,
    /sum of the weights of localities/,
  ),
  endpoints(
    'a host name',
    [of({ endpoint: { address: socket(1, 'shop') } })],
    /malformed IP address/,
    /malformed IP address/,
    {
      unlikeGrpc: 'gRFC A27 asks for IP addresses; grpc-go leaves it to the dial',
    },
  ),
  endpoints('port 70000', [of(endpoint(70_000))], /port_value/, /port_value/, { unlikeGrpc: RANGE }),
  endpoints(
    'a port by name',
    [of({ endpoint: { address: { socket_address: { address: '127.0.0.1', named_port: 'http' } } } })],
    /named_port/,
    /named_port/,
    { unlikeGrpc: RANGE },
  ),
  endpoints('no address', [of({ endpoint: {} })], /address: value is required/, /address: value is required/, {
    unlikeGrpc: RANGE,
  }),
  endpoints('a unix socket', [of({ endpoint: { address: { pipe: { path: '/run/shop.sock' } } } })], null, null),
  endpoints('an endpoint that is not healthy', [of(endpoint(1, { health_status: 'UNHEALTHY' }))], null, null),
  endpoints('overprovisioning of 0', [of(endpoint(1))], /overprovisioning_factor/, /overprovisioning_factor/, {
    policy: { overprovisioning_factor: 0 },
    unlikeGrpc: RANGE,
  }),
  endpoints('a drop of 5 percent', [of(endpoint(1))], null, null, {
    policy: { drop_overloads: [{ category: 'lb', drop_percentage: { numerator: 5 } }] },
  }),
  endpoints('a drop without a category', [of(endpoint(1))], /category/, null, {
    policy: { drop_overloads: [{ drop_percentage: { numerator: 5 } }] },
  }),
  endpoints('a drop in an unknown unit', [of(endpoint(1))], /denominator/, /denominator/, {
    policy: { drop_overloads: [{ category: 'lb', drop_percentage: { numerator: 5, denominator: 9 } }] },
  }),
];
