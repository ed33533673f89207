import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType } from '@inmesh/api';
import type {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
  Resource,
} from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import type { ResourceInput } from '@inmesh/control-plane';
import type { Kind, Random } from '@inmesh/core';
import { type AdsVariant, allKinds } from '@inmesh/xds';
import { packed, typeUrls } from '../conformance/xds/scripted.ts';
import {
  apiListener,
  certificate,
  cluster,
  endpoints,
  extensionConfig,
  rdsListener,
  routes,
  runtimeLayer,
  validationContext,
  virtualHost,
} from '../support/feed.ts';
import { below, damage, nest, pick, wrap } from './mutations.ts';

export const kinds: readonly Kind[] = allKinds;
export const names: readonly string[] = ['a', 'b', 'c'];

/** Good resources, several contents of each name, made once. */
const contents: { readonly [K in Kind]: (name: string) => Any[] } = {
  listener: (name) => all([apiListener(name, []), rdsListener(name, 'a'), rdsListener(name, 'b')]),
  routeConfiguration: (name) =>
    all(
      ['a', 'b'].map((to) =>
        routes(name, [
          virtualHost('v', [
            { match: { path: '/x' }, direct_response: { status: 418 } },
            { match: { safe_regex: { regex: '/(a|b)+' } }, route: { cluster: to, timeout: '3s' } },
            {
              match: { prefix: '/' },
              route: {
                weighted_clusters: {
                  clusters: [
                    { name: 'a', weight: 1 },
                    { name: to, weight: 9 },
                  ],
                },
                retry_policy: { retry_on: '5xx', num_retries: 2 },
              },
            },
          ]),
        ]),
      ),
    ),
  cluster: (name) =>
    all([
      cluster(name),
      cluster(name, { connect_timeout: '9s', circuit_breakers: { thresholds: [{ max_requests: 7 }] } }),
      cluster(name, { metadata: { filter_metadata: { istio: { host: name, ports: [80, 443] } } } }),
    ]),
  clusterLoadAssignment: (name) =>
    all([located(endpoints(name, [80])), located(endpoints(name, [80, 81])), located(large(name))]),
  secret: (name) => all([certificate(name, 'key'), certificate(name, 'other key'), validationContext(name)]),
  extensionConfig: (name) => all([extensionConfig(name, { max_request_bytes: 1 }), extensionConfig(name, {})]),
  runtime: (name) => all([runtimeLayer(name, { a: { b: 5 }, c: true }), runtimeLayer(name, { a: 'x' })]),
};

/** With the name and the weight of its locality, without which gRPC takes none. */
function located(input: ResourceInput): ResourceInput {
  const { endpoints: localities } = input as unknown as { readonly endpoints: readonly object[] };
  const named = localities.map((each) => ({ ...each, locality: { zone: 'a' }, load_balancing_weight: 1 }));
  return { ...input, endpoints: named } as unknown as ResourceInput;
}

/** Large enough to be decoded in steps. */
function large(name: string): ResourceInput {
  return endpoints(
    name,
    Array.from({ length: 300 }, (_, index) => 1_000 + index),
  );
}

function all(inputs: readonly ResourceInput[]): Any[] {
  return inputs.map(packed);
}

/** A resource by itself, and how it is sent in delta. */
interface Item {
  readonly name: string;
  readonly any: Any;
}

/** Makes responses: good ones, and ones that are wrong somewhere. */
export class ResponseMaker {
  readonly #random: Random;
  readonly #pool = new Map<Kind, readonly Item[]>();
  #nonce = 0;

  constructor(random: Random) {
    this.#random = random;
    for (const kind of kinds) {
      this.#pool.set(
        kind,
        names.flatMap((name) => contents[kind](name).map((any) => ({ name, any }))),
      );
    }
  }

  /** Every watched resource of a type, in one of its good contents. */
  good(variant: AdsVariant, kind: Kind): Uint8Array {
    const pool = this.#pool.get(kind) ?? [];
    const items = names.map((name) =>
      pick(
        this.#random,
        pool.filter((item) => item.name === name),
      ),
    );
    return this.#encode(variant, typeUrls[kind], items, []);
  }

  mutated(variant: AdsVariant, kind: Kind): Uint8Array {
    const random = this.#random;
    const pool = this.#pool.get(kind) ?? [];
    const items = Array.from({ length: below(random, 5) }, () => this.#item(pick(random, pool), kind));
    if (random() < 0.001) items.push(...Array<Item>(3_000).fill(pick(random, pool)));
    const removed = random() < 0.05 ? [pick(random, names), 'z'.repeat(below(random, 50))] : [];
    const typeUrl = random() < 0.95 ? typeUrls[kind] : pick(random, ['', 'x', typeUrls[pick(random, kinds)]]);
    const bytes = this.#encode(variant, typeUrl, items, removed);
    return random() < 0.5 ? damage(random, bytes) : bytes;
  }

  #item(item: Item, kind: Kind): Item {
    const random = this.#random;
    const { name, any } = item;
    switch (below(random, 9)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return { name, any: { ...any, value: damage(random, any.value) } };
      case 4:
        return { name, any: random() < 0.2 ? nest(random, any) : wrap(any, name) };
      case 5:
        return {
          name,
          any: wrap(random() < 0.5 ? any : null, name, random() < 0.3 ? BigInt(below(random, 1e9)) : undefined),
        };
      case 6:
        return { name: 'y'.repeat(below(random, random() < 0.01 ? 1_000_000 : 100)), any };
      case 7:
        return pick(random, this.#pool.get(random() < 0.5 ? kind : pick(random, kinds)) ?? []);
      default:
        return item;
    }
  }

  #encode(variant: AdsVariant, typeUrl: string, items: readonly Item[], removed: readonly string[]): Uint8Array {
    const random = this.#random;
    const nonce = random() < 0.9 ? `n${++this.#nonce}` : pick(random, ['', 'n1', '\u0000', 'x'.repeat(300)]);
    const version = random() < 0.9 ? `v${this.#nonce}` : pick(random, ['', 'v1', 'x'.repeat(300)]);
    const resourceErrors =
      random() < 0.02
        ? [{ resourceName: { name: pick(random, names) }, errorDetail: { code: below(random, 20) } }]
        : [];
    if (variant === 'sotw') {
      const schema = messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse');
      const resources = items.map(({ any }) => any);
      return toBinary(schema, create(schema, { typeUrl, nonce, versionInfo: version, resources, resourceErrors }));
    }
    const schema = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
    const resources = items.map(({ name, any }) => ({ name, version, resource: any }));
    return toBinary(
      schema,
      create(schema, {
        typeUrl,
        nonce,
        systemVersionInfo: version,
        resources,
        removedResources: [...removed],
        resourceErrors,
      }),
    );
  }
}

/** The resources of a good response, for what must be in force after it. */
export function resourcesOf(variant: AdsVariant, bytes: Uint8Array): Any[] {
  if (variant === 'sotw') {
    return fromBinary(messageType<DiscoveryResponse>('envoy.service.discovery.v3.DiscoveryResponse'), bytes).resources;
  }
  const schema = messageType<DeltaDiscoveryResponse>('envoy.service.discovery.v3.DeltaDiscoveryResponse');
  return fromBinary(schema, bytes).resources.flatMap(({ resource }: Resource) =>
    resource === undefined ? [] : [resource],
  );
}
