import assert from 'node:assert/strict';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { HttpConnectionManager } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import type { TypedStruct } from '@inmesh/api/gen/udpa/type/v1/typed_struct_pb';
import { fromJson, toJson } from './json.ts';
import { messageType } from './registry.ts';
import { typeNameOf, typeUrlOf } from './type-url.ts';

const listenerType = messageType<Listener>('envoy.config.listener.v3.Listener');
const hcmType = messageType<HttpConnectionManager>(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
);

describe('json', () => {
  const listener = {
    name: 'outbound',
    api_listener: {
      api_listener: {
        '@type': typeUrlOf(hcmType.typeName),
        stat_prefix: 'http',
        rds: { route_config_name: '80', config_source: { ads: {} } },
        http_filters: [
          {
            name: 'envoy.filters.http.router',
            typed_config: { '@type': typeUrlOf('envoy.extensions.filters.http.router.v3.Router') },
          },
        ],
      },
    },
  };

  it('reads a listener whose Anys are nested, and the bytes keep it', () => {
    const read = fromJson(listenerType, listener);
    const decoded = fromBinary(listenerType, toBinary(listenerType, read));
    const hcm = anyUnpack(decoded.apiListener!.apiListener!, hcmType);
    assert.equal(hcm?.routeSpecifier.case, 'rds');
    assert.equal(hcm?.httpFilters[0]?.name, 'envoy.filters.http.router');
  });

  it('writes what it read, in Envoy’s names', () => {
    assert.deepEqual(toJson(listenerType, fromJson(listenerType, listener), { useProtoFieldName: true }), listener);
  });

  it('reads a TypedStruct', () => {
    const type = messageType<TypedStruct>('udpa.type.v1.TypedStruct');
    const typeUrl = 'type.googleapis.com/io.istio.http.peer_metadata.Config';
    const struct = fromJson(type, { type_url: typeUrl, value: { downstream_discovery: [{ istio_headers: {} }] } });
    assert.equal(typeNameOf(struct.typeUrl), 'io.istio.http.peer_metadata.Config');
    assert.deepEqual(struct.value, { downstream_discovery: [{ istio_headers: {} }] });
  });
});
