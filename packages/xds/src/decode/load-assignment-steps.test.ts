// Decoding in steps gives what decoding the whole gives, for good resources and for bad ones.
import assert from 'node:assert/strict';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType, validateRulesOf } from '@inmesh/api';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import { isMeshError, type Random, seededRandom } from '@inmesh/core';
import type { DecodeContext } from '../ads/resource-type.ts';
import { newDecoding } from './new-decoding.ts';
import { resourceTypes } from './resource-types.ts';

const typeName = 'envoy.config.endpoint.v3.ClusterLoadAssignment';
const { clusterLoadAssignment: type } = resourceTypes();
const context: DecodeContext = { nodeId: 'n', controlPlane: 'cp' };

type Outcome = { readonly value: unknown } | { readonly refused: string };

function outcome(decode: () => unknown): Outcome {
  try {
    return { value: decode() };
  } catch (error) {
    assert.ok(isMeshError(error), String(error));
    return { refused: error.message };
  }
}

/** The result, and in how many steps it was made. */
function inSteps(bytes: Uint8Array): { result: Outcome; steps: number } {
  let steps = 0;
  const result = outcome(() => {
    const work = type.decodeInSteps!(bytes, context);
    for (;;) {
      const next = work.next();
      if (next.done === true) return next.value;
      steps++;
    }
  });
  return { result, steps };
}

function whole(bytes: Uint8Array): Outcome {
  return outcome(() => type.decode(bytes, context));
}

function assignment(random: Random, endpointCount: number): ClusterLoadAssignment {
  const some = (chance: number): boolean => random() < chance;
  const locality = (count: number, index: number): object => ({
    ...(some(0.8) ? { locality: { region: `r${index}`, zone: some(0.5) ? 'z' : '' } } : {}),
    ...(some(0.5) ? { loadBalancingWeight: 1 + index } : {}),
    priority: index % 3,
    lbEndpoints: Array.from({ length: count }, (_, at) => ({
      ...(some(0.3) ? { loadBalancingWeight: 1 + at } : {}),
      healthStatus: Math.floor(random() * 6),
      ...(some(0.2) ? { metadata: { filterMetadata: { 'envoy.lb': { canary: some(0.5) } } } } : {}),
      hostIdentifier: some(0.95)
        ? {
            case: 'endpoint',
            value: {
              hostname: some(0.3) ? `host-${at}` : '',
              address: {
                address: some(0.9)
                  ? {
                      case: 'socketAddress',
                      value: {
                        address: `10.0.${at >> 8}.${at & 255}`,
                        portSpecifier: { case: 'portValue', value: 80 },
                      },
                    }
                  : { case: 'pipe', value: { path: '/tmp/x' } },
              },
            },
          }
        : { case: 'endpointName', value: 'other' },
    })),
  });
  const localities = 1 + Math.floor(random() * 4);
  return create(messageType<ClusterLoadAssignment>(typeName), {
    clusterName: 'c',
    endpoints: Array.from({ length: localities }, (_, index) => locality(Math.ceil(endpointCount / localities), index)),
    ...(some(0.5) ? { policy: { overprovisioningFactor: 150 } } : {}),
  });
}

function serialized(message: ClusterLoadAssignment): Uint8Array {
  return toBinary(messageType<ClusterLoadAssignment>(typeName), message);
}

describe('decodeLoadAssignmentInSteps', () => {
  it('gives what decoding the whole gives, in many steps', () => {
    const random = seededRandom(7);
    for (const count of [0, 1, 100, 1_000, 5_000]) {
      const bytes = serialized(assignment(random, count));
      const { result, steps } = inSteps(bytes);
      assert.deepEqual(result, whole(bytes));
      assert.ok('value' in result);
      assert.ok(count < 1_000 || steps >= count / 16, `${steps} steps`);
    }
  });

  it('refuses what decoding the whole refuses, for the first reason in the same words', () => {
    const faults: ((message: ClusterLoadAssignment) => void)[] = [
      (message) => {
        message.clusterName = '';
      },
      (message) => {
        message.endpoints[0]!.priority = 1_000;
      },
      (message) => {
        message.endpoints.at(-1)!.lbEndpoints.at(-1)!.loadBalancingWeight = 0;
        message.endpoints.at(-1)!.lbEndpoints[3]!.loadBalancingWeight = 0;
      },
      (message) => {
        const host = message.endpoints[0]!.lbEndpoints[5]!.hostIdentifier;
        if (host.case === 'endpoint' && host.value.address?.address.case === 'socketAddress') {
          host.value.address.address.value.address = 'example.com';
        }
      },
      (message) => {
        message.policy!.overprovisioningFactor = 0;
        message.endpoints[0]!.loadBalancingWeight = 0;
      },
    ];
    for (const fault of faults) {
      const message = assignment(() => 0.4, 600);
      fault(message);
      const bytes = serialized(message);
      const expected = whole(bytes);
      assert.ok('refused' in expected, 'the fault is one');
      assert.deepEqual(inSteps(bytes).result, expected);
    }
  });

  it('agrees on bytes that are damaged anywhere', () => {
    const random = seededRandom(11);
    const good = serialized(assignment(random, 150));
    assert.ok(good.length > 4_096);
    let refused = 0;
    for (let round = 0; round < 300; round++) {
      let bytes = new Uint8Array(good);
      const flips = 1 + Math.floor(random() * 4);
      for (let flip = 0; flip < flips; flip++)
        bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8);
      if (random() < 0.3) bytes = bytes.subarray(0, Math.max(4_097, Math.floor(random() * bytes.length)));
      const expected = whole(bytes);
      if ('refused' in expected) refused++;
      assert.deepEqual(inSteps(bytes).result, expected);
    }
    assert.ok(refused > 30 && refused < 300, `${refused} of 300 were refused`);
  });

  it('merges what a message says twice, as the decoder of the whole does', () => {
    const twice = (message: ClusterLoadAssignment): Uint8Array => {
      const bytes = serialized(message);
      const policy = serialized(
        create(messageType<ClusterLoadAssignment>(typeName), { policy: { overprovisioningFactor: 177 } }),
      );
      return Buffer.concat([policy, bytes, serialized(assignment(() => 0.4, 5)), policy]);
    };
    const bytes = twice(assignment(() => 0.4, 200));
    assert.deepEqual(inSteps(bytes).result, whole(bytes));
  });

  it('may check localities and endpoints one by one, because their lists have no rules of their own', () => {
    for (const [message, field] of [
      [typeName, 'endpoints'],
      ['envoy.config.endpoint.v3.LocalityLbEndpoints', 'lb_endpoints'],
    ] as const) {
      const list = messageType<ClusterLoadAssignment>(message as typeof typeName).fields.find(
        ({ name }) => name === field,
      );
      assert.ok(list !== undefined);
      assert.equal(validateRulesOf(list), undefined);
    }
    assert.equal(fromBinary(messageType<ClusterLoadAssignment>(typeName), new Uint8Array()).endpoints.length, 0);
  });

  it('refuse by the rules of gRPC in the same words', () => {
    const { clusterLoadAssignment: grpc } = resourceTypes(newDecoding({ profile: 'grpc' }));
    const schema = messageType<ClusterLoadAssignment>(typeName);
    const of = (ports: readonly number[]): Uint8Array =>
      toBinary(
        schema,
        fromJson(schema, {
          cluster_name: 'c',
          endpoints: [
            {
              locality: { zone: 'a' },
              load_balancing_weight: 1,
              lb_endpoints: ports.map((port) => ({
                endpoint: { address: { socket_address: { address: '10.0.0.1', port_value: port } } },
              })),
            },
          ],
        }),
      );
    const stepwise = (bytes: Uint8Array): Outcome =>
      outcome(() => {
        const work = grpc.decodeInSteps!(bytes, context);
        for (;;) {
          const next = work.next();
          if (next.done === true) return next.value;
        }
      });
    const distinct = Array.from({ length: 1000 }, (_, index) => index + 1);
    const bad = of([...distinct, 500]);
    const refused = outcome(() => grpc.decode(bad, context));
    assert.match(
      'refused' in refused ? refused.refused : '',
      /lb_endpoints\[1000\]\.endpoint\.address: duplicate endpoint/,
    );
    assert.deepEqual(stepwise(bad), refused);
    assert.ok('value' in whole(bad), 'Envoy takes it');
    assert.deepEqual(
      stepwise(of(distinct)),
      outcome(() => grpc.decode(of(distinct), context)),
    );
  });
});
