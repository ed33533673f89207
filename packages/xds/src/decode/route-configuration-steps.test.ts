// Decoding in steps gives what decoding the whole gives, for good resources and for bad ones.
import assert from 'node:assert/strict';
import { type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import { isMeshError } from '@inmesh/core';
import type { DecodeContext } from '../ads/resource-type.ts';
import { newDecoding } from './new-decoding.ts';
import { resourceTypes } from './resource-types.ts';

const schema = messageType<RouteConfiguration>('envoy.config.route.v3.RouteConfiguration');
const context: DecodeContext = { nodeId: 'n', controlPlane: 'cp' };
const { routeConfiguration: type } = resourceTypes();

type Outcome = { readonly value: unknown } | { readonly refused: string };

function outcome(decode: () => unknown): Outcome {
  try {
    return { value: decode() };
  } catch (error) {
    assert.ok(isMeshError(error), String(error));
    return { refused: error.message };
  }
}

function inSteps(bytes: Uint8Array, from = type): { result: Outcome; steps: number } {
  let steps = 0;
  const result = outcome(() => {
    const work = from.decodeInSteps!(bytes, context);
    for (;;) {
      const next = work.next();
      if (next.done === true) return next.value;
      steps++;
    }
  });
  return { result, steps };
}

function host(index: number, more: JsonObject = {}): JsonObject {
  return {
    name: `service-${index}`,
    domains: [`service-${index}`, `service-${index}.namespace.svc.cluster.local:9080`],
    routes: [
      { match: { prefix: '/v2' }, route: { prefix_rewrite: '/', cluster: `v2-${index}`, timeout: '3s' } },
      { match: { prefix: '/' }, route: { cluster: `v1-${index}`, retry_policy: { retry_on: '5xx' } } },
    ],
    ...more,
  };
}

function bytesOf(hosts: readonly JsonObject[], more: JsonObject = {}): Uint8Array {
  const json = { name: '9080', ignore_port_in_host_matching: true, virtual_hosts: [...hosts], ...more };
  return toBinary(schema, fromJson(schema, json));
}

const many = Array.from({ length: 203 }, (_, index) => host(index));
const at = (index: number, more: JsonObject): JsonObject[] =>
  many.map((each, i) => (i === index ? { ...each, ...more } : each));

describe('route configurations in steps', () => {
  it('are the same as decoded whole', () => {
    const bytes = bytesOf(many, { request_headers_to_add: [{ header: { key: 'x-a', value: 'b' } }] });
    const { result, steps } = inSteps(bytes);
    assert.ok('value' in result);
    assert.deepEqual(
      result,
      outcome(() => type.decode(bytes, context)),
    );
    assert.ok(steps > 203 / 4, `${steps} steps`);
  });

  it('are decoded at once where they are small', () => {
    const { result, steps } = inSteps(bytesOf(many.slice(0, 5)));
    assert.ok('value' in result);
    assert.equal(steps, 0);
  });

  const large = (change: (routes: JsonObject[]) => void = () => {}, more: JsonObject = {}): JsonObject[] => {
    const routes = Array.from(
      { length: 2_000 },
      (_, index): JsonObject => ({ match: { prefix: `/${index}`, headers: [{ name: 'x' }] }, route: { cluster: 'c' } }),
    );
    change(routes);
    return at(150, { routes, retry_policy: { retry_on: '5xx' }, ...more });
  };

  it('are some routes at a time of a host that has many', () => {
    const bytes = bytesOf(large());
    const { result, steps } = inSteps(bytes);
    assert.ok('value' in result);
    assert.deepEqual(
      result,
      outcome(() => type.decode(bytes, context)),
    );
    assert.ok(steps > 203 / 4 + 2_000 / 16, `${steps} steps`);
  });

  const faulty: readonly (readonly [string, Uint8Array])[] = [
    ['a rule that a host breaks', bytesOf(at(150, { domains: [] }))],
    ['a rule that a route breaks', bytesOf(at(150, { routes: [{ route: { cluster: 'a' } }] }))],
    [
      'a rule that the configuration breaks',
      bytesOf(many, { max_direct_response_body_size_bytes: 1, request_headers_to_remove: ['a', ''] }),
    ],
    ['a domain that two hosts have', bytesOf(at(150, { domains: ['service-7'] }))],
    [
      'a plugin that is not declared',
      bytesOf(at(150, { routes: [{ match: { prefix: '/' }, route: { cluster_specifier_plugin: 'none' } }] })),
    ],
    [
      'a rule that a route of many breaks',
      bytesOf(large((routes) => routes.splice(1_500, 1, { route: { cluster: 'a' } }))),
    ],
    [
      'a pattern of one of many',
      bytesOf(
        large((routes) => routes.splice(1_500, 1, { match: { safe_regex: { regex: '(' } }, route: { cluster: 'a' } })),
      ),
    ],
    ['a rule that a large host breaks', bytesOf(large(() => {}, { domains: [] }))],
    ['garbage within a large host', bytesOf(large()).fill(0xff, 60_000, 60_040)],
    ['no name', bytesOf(many, { name: '' })],
    ['a cut', bytesOf(many).subarray(0, 20_000)],
    ['garbage within a host', bytesOf(many).fill(0xff, 10_000, 10_040)],
  ];
  for (const [title, bytes] of faulty) {
    it(`are refused in the same words: ${title}`, () => {
      const whole = outcome(() => type.decode(bytes, context));
      assert.ok('refused' in whole);
      assert.deepEqual(inSteps(bytes).result, whole);
    });
  }

  it('have the host that VHDS brings no more than once', () => {
    const bytes = bytesOf(many, { vhds: { config_source: { ads: {} } } });
    assert.deepEqual(
      inSteps(bytes).result,
      outcome(() => type.decode(bytes, context)),
    );
  });

  it('heed the profile', () => {
    const { routeConfiguration: grpc } = resourceTypes(newDecoding({ profile: 'grpc' }));
    for (const bytes of [bytesOf(many), bytesOf(at(150, { domains: ['service-7'] }))]) {
      assert.deepEqual(
        inSteps(bytes, grpc).result,
        outcome(() => grpc.decode(bytes, context)),
      );
    }
  });
});
