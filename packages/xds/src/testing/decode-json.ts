import assert from 'node:assert/strict';
import { type JsonObject, type Message, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType, registry } from '@inmesh/api';
import { isMeshError, type Kind, type Model } from '@inmesh/core';
import type { ResourceTypes } from '../ads/resource-type.ts';
import { resourceTypes } from '../decode/resource-types.ts';
import { kinds } from '../kinds.ts';
import { wrapUnknownTypes } from '../text/index.ts';

const envoy = resourceTypes();
const context = { nodeId: 'node-1', controlPlane: 'xds.test:1' } as const;

/** A resource from JSON over the wire to the model. */
export function decodeJson<K extends Kind>(kind: K, json: JsonObject, types: ResourceTypes = envoy): Model[K] {
  const type = messageType(kinds[kind].typeName);
  const bytes = toBinary(type, fromJson(type, wrapUnknownTypes(json, registry())) as Message);
  return types[kind].decode(bytes, context).value as Model[K];
}

/** Why a resource is refused. */
export function refusalOf(kind: Kind, json: JsonObject, types: ResourceTypes = envoy): string {
  try {
    decodeJson(kind, json, types);
  } catch (error) {
    assert.ok(isMeshError(error) && error.code === 'invalid_config', `${error}`);
    return error.message;
  }
  return assert.fail('it was accepted');
}
