import assert from 'node:assert/strict';
import { type JsonValue, type Message, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType, typeNameOf } from '@inmesh/api';
import { isMeshError, type RouteConfiguration } from '@inmesh/core';
import { resourceTypes } from './resource-types.ts';

const { routeConfiguration } = resourceTypes();

function decode(json: { readonly [field: string]: JsonValue }): RouteConfiguration {
  const schema = messageType(typeNameOf(routeConfiguration.typeUrl));
  const bytes = toBinary(schema, fromJson(schema, { name: 'r', ...json }) as Message);
  return routeConfiguration.decode(bytes, { nodeId: 'n', controlPlane: 'c' }).value;
}

function hosts(
  host: { readonly [field: string]: JsonValue },
  route: { readonly [field: string]: JsonValue } = {},
): JsonValue {
  return [
    { name: 'v', domains: ['*'], ...host, routes: [{ match: { prefix: '/' }, route: { cluster: 'c' }, ...route }] },
  ];
}

describe('header mutations of the feed', () => {
  it('are read at each of the four levels', () => {
    const add = (key: string): JsonValue => [{ header: { key, value: '%REQ(:path)%' } }];
    const clusters = [{ name: 'c', weight: 1, request_headers_to_add: add('Share') }];
    const config = decode({
      request_headers_to_add: add('config'),
      most_specific_header_mutations_wins: true,
      virtual_hosts: hosts(
        { response_headers_to_add: add('vhost') },
        { request_headers_to_remove: ['X-Gone'], route: { weighted_clusters: { clusters } } },
      ),
    });
    const [host] = config.virtualHosts;
    const [route] = host?.routes ?? [];
    assert.ok(route?.action.kind === 'forward');
    assert.deepEqual(
      [
        config.mostSpecificHeaderMutationsWins,
        config.mutations.request.add.map(({ name }) => name),
        host?.mutations.response.add.map(({ name }) => name),
        route.mutations.request.remove,
        route.action.clusters[0]?.mutations.request.add,
        route.unsupported,
      ],
      [
        true,
        ['config'],
        ['vhost'],
        ['x-gone'],
        [{ name: 'share', value: '%REQ(:path)%', action: 'append_if_exists_or_add', keepEmptyValue: false }],
        [],
      ],
    );
  });

  it('may be said in the deprecated way', () => {
    const header = { key: 'a', value: '1' };
    const config = decode({
      request_headers_to_add: [
        { header, append: false },
        { header, append: true },
        { header, append_action: 'ADD_IF_ABSENT', keep_empty_value: true },
      ],
    });
    assert.deepEqual(
      config.mutations.request.add.map(({ action, keepEmptyValue }) => [action, keepEmptyValue]),
      [
        ['overwrite_if_exists_or_add', false],
        ['append_if_exists_or_add', false],
        ['add_if_absent', true],
      ],
    );
  });

  const header = { key: 'a', value: '1' };
  const cases: [string, { readonly [field: string]: JsonValue }, RegExp][] = [
    [
      'pseudo headers',
      { request_headers_to_add: [{ header: { key: ':path', value: '/' } }] },
      /request_headers_to_add\[0\]\.header\.key: :-prefixed or host headers may not be modified/,
    ],
    [
      'the host',
      { virtual_hosts: hosts({ response_headers_to_remove: ['Host'] }) },
      /virtual_hosts\[0\]\.response_headers_to_remove\[0\]: :-prefixed or host headers may not be removed/,
    ],
    [
      'commands that do not exist',
      { virtual_hosts: hosts({}, { request_headers_to_add: [{ header: { key: 'a', value: '%NONE%' } }] }) },
      /virtual_hosts\[0\]\.routes\[0\]\.request_headers_to_add\[0\]\.header\.value: Not supported field in StreamInfo: NONE/,
    ],
    [
      'two ways to say what becomes of a header that is there',
      { request_headers_to_add: [{ header, append: true, append_action: 'ADD_IF_ABSENT' }] },
      /request_headers_to_add\[0\]: Both append and append_action are set/,
    ],
  ];
  for (const [what, json, message] of cases) {
    it(`are refused for ${what}`, () => {
      assert.throws(
        () => decode(json),
        (error) => isMeshError(error) && message.test(error.message),
      );
    });
  }
});
