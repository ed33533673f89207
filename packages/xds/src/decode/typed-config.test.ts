import assert from 'node:assert/strict';
import { create, fromBinary } from '@bufbuild/protobuf';
import { type Any, anyPack, StructSchema } from '@bufbuild/protobuf/wkt';
import { fromJson, messageType } from '@inmesh/api';
import type { FilterConfig } from '@inmesh/api/gen/envoy/config/filter/http/alpn/v2alpha1/config_pb';
import type { Router } from '@inmesh/api/gen/envoy/extensions/filters/http/router/v3/router_pb';
import type { TypedStruct } from '@inmesh/api/gen/xds/type/v3/typed_struct_pb';
import { readTypedConfig } from './typed-config.ts';

const API = 'type.googleapis.com/';
const ALPN = 'istio.envoy.config.filter.http.alpn.v2alpha1.FilterConfig';
const FLAVOURS = ['udpa.type.v1.TypedStruct', 'xds.type.v3.TypedStruct'] as const;

describe('a configuration in a TypedStruct', () => {
  for (const flavour of FLAVOURS) {
    const wrapped = (typeName: string, value: object): Any =>
      anyPack(
        messageType<TypedStruct>(flavour as 'xds.type.v3.TypedStruct'),
        fromJson(messageType<TypedStruct>(flavour as 'xds.type.v3.TypedStruct'), {
          type_url: `${API}${typeName}`,
          value: { ...value },
        }),
      );

    it(`${flavour}: becomes the message that it is a form of`, () => {
      const { typeName, any, empty } = readTypedConfig(
        wrapped(ALPN, { alpn_override: [{ upstream_protocol: 'HTTP2', alpn_override: ['istio-h2', 'istio', 'h2'] }] }),
        'f',
      );
      assert.equal(typeName, ALPN);
      assert.equal(empty, false);
      assert.ok(any);
      assert.equal(any.typeUrl, `${API}${ALPN}`);
      const { alpnOverride } = fromBinary(messageType<FilterConfig>(ALPN), any.value);
      assert.deepEqual(alpnOverride[0]?.alpnOverride, ['istio-h2', 'istio', 'h2']);
    });

    it(`${flavour}: a field that the message has not is left out`, () => {
      const name = 'envoy.extensions.filters.http.router.v3.Router';
      const { any } = readTypedConfig(wrapped(name, { suppress_envoy_headers: true, not_a_field: 1 }), 'f');
      assert.ok(any);
      assert.equal(fromBinary(messageType<Router>(name), any.value).suppressEnvoyHeaders, true);
    });

    it(`${flavour}: a value that the message cannot hold is refused`, () => {
      const name = 'envoy.extensions.filters.http.router.v3.Router';
      assert.throws(
        () => readTypedConfig(wrapped(name, { suppress_envoy_headers: 'perhaps' }), 'f'),
        /f: holds no envoy\.extensions\.filters\.http\.router\.v3\.Router: .*suppress_envoy_headers/,
      );
    });

    it(`${flavour}: of a type that nobody knows, its name is left`, () => {
      const config = readTypedConfig(wrapped('io.istio.http.peer_metadata.Config', { a: 1 }), 'f');
      assert.deepEqual(config, {
        typeName: 'io.istio.http.peer_metadata.Config',
        any: null,
        struct: { a: 1 },
        empty: false,
      });
    });
  }

  it('bytes that are no TypedStruct are refused', () => {
    const any = { ...anyPack(StructSchema, create(StructSchema)), value: Uint8Array.of(0x0a, 0xff) };
    assert.throws(
      () => readTypedConfig({ ...any, typeUrl: `${API}xds.type.v3.TypedStruct` }, 'f'),
      /f: is no xds\.type\.v3\.TypedStruct/,
    );
  });
});
