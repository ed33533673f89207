import assert from 'node:assert/strict';
import { type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType, typeNameOf } from '@inmesh/api';
import { isMeshError } from '@inmesh/core';
import { type DecodeProfile, newDecoding, resourceTypes } from '@inmesh/xds';
import { CLUSTERS } from './clusters.ts';
import { type EdgeCase, resourceOf } from './edge-case.ts';
import { ENDPOINTS } from './endpoints.ts';
import { LISTENERS } from './listeners.ts';
import { ROUTES } from './routes.ts';

const context = { nodeId: 'n', controlPlane: 'c' };
const types = {
  envoy: resourceTypes(newDecoding()),
  grpc: resourceTypes(newDecoding({ profile: 'grpc', certificateProviders: new Set() })),
};

/** The reason of the refusal; null where it is accepted. */
function verdict(profile: DecodeProfile, edge: EdgeCase): string | null {
  const type = types[profile][edge.kind];
  const schema = messageType(typeNameOf(type.typeUrl));
  const json: JsonObject = resourceOf(edge, profile === 'grpc' ? 'api' : 'socket');
  try {
    type.decode(toBinary(schema, fromJson(schema, json)), context);
    return null;
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'invalid_config', String(error));
    assert.match(error.message, /"edge"/, 'it names the resource');
    assert.doesNotMatch(error.message, /cannot be decoded/, 'it is a refusal, and no fault of the decoder');
    return error.message;
  }
}

/** The two profiles on resources at the edge of what is valid; `test/peers` asks the real Envoy and the real grpc-go about the same. */
for (const [name, cases] of Object.entries({ CLUSTERS, ENDPOINTS, LISTENERS, ROUTES })) {
  describe(`validation: ${name.toLowerCase()}`, () => {
    for (const edge of cases) {
      for (const profile of ['envoy', 'grpc'] as const) {
        const expected = edge[profile];
        it(`${edge.title}: ${expected === null ? 'accepted' : 'refused'} (${profile})`, () => {
          const reason = verdict(profile, edge);
          if (expected === null) assert.equal(reason, null);
          else assert.match(reason ?? 'accepted', expected);
        });
      }
    }
  });
}
