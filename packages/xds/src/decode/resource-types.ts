import { fromBinary, type Message } from '@bufbuild/protobuf';
import { messageType, typeUrlOf } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { TypedExtensionConfig } from '@inmesh/api/gen/envoy/config/core/v3/extension_pb';
import type { ClusterLoadAssignment } from '@inmesh/api/gen/envoy/config/endpoint/v3/endpoint_pb';
import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import type { Secret } from '@inmesh/api/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb';
import type { Runtime } from '@inmesh/api/gen/envoy/service/runtime/v3/rtds_pb';
import { isMeshError, type Kind, MeshError, type Model } from '@inmesh/core';
import {
  type DecodeContext,
  type Decoded,
  nameInFieldOne,
  type ResourceType,
  type ResourceTypes,
} from '../ads/resource-type.ts';
import { kinds } from '../kinds.ts';
import { decodeCluster } from './cluster.ts';
import { type Decoding, Refusal } from './decoding.ts';
import { decodeExtensionConfig } from './extension-config.ts';
import { decodeListener } from './listener.ts';
import { decodeLoadAssignment } from './load-assignment.ts';
import { decodeLoadAssignmentInSteps } from './load-assignment-steps.ts';
import { newDecoding } from './new-decoding.ts';
import { decodeRouteConfiguration } from './route-configuration.ts';
import { decodeRouteConfigurationInSteps } from './route-configuration-steps.ts';
import { decodeRuntimeLayer } from './runtime-layer.ts';
import { decodeSecret } from './secret.ts';

/**
 * The resource types of a mesh: what the ADS client is handed. Each table compiles its validation rules once, so make one per
 * mesh and keep it.
 */
export function resourceTypes(decoding: Decoding = newDecoding()): ResourceTypes {
  return {
    listener: resourceType<'listener', Listener>(decoding, {
      kind: 'listener',
      decode: decodeListener,
    }),
    routeConfiguration: resourceType<'routeConfiguration', RouteConfiguration>(decoding, {
      kind: 'routeConfiguration',
      decode: decodeRouteConfiguration,
      decodeInSteps: decodeRouteConfigurationInSteps,
    }),
    cluster: resourceType<'cluster', Cluster>(decoding, {
      kind: 'cluster',
      decode: decodeCluster,
    }),
    clusterLoadAssignment: resourceType<'clusterLoadAssignment', ClusterLoadAssignment>(decoding, {
      kind: 'clusterLoadAssignment',
      decode: decodeLoadAssignment,
      decodeInSteps: decodeLoadAssignmentInSteps,
    }),
    secret: resourceType<'secret', Secret>(decoding, { kind: 'secret', decode: decodeSecret }),
    extensionConfig: resourceType<'extensionConfig', TypedExtensionConfig>(decoding, {
      kind: 'extensionConfig',
      decode: decodeExtensionConfig,
    }),
    runtime: resourceType<'runtime', Runtime>(decoding, { kind: 'runtime', decode: decodeRuntimeLayer }),
  };
}

interface Definition<K extends Kind, M extends Message> {
  readonly kind: K;
  readonly decode: (decoding: Decoding, message: M) => Model[K] & { readonly name: string };
  /** For a type whose resources may be large. */
  readonly decodeInSteps?: (
    decoding: Decoding,
    bytes: Uint8Array,
  ) => Generator<undefined, Model[K] & { readonly name: string }, undefined>;
}

function resourceType<K extends Kind, M extends Message>(
  decoding: Decoding,
  definition: Definition<K, M>,
): ResourceType<K> {
  const { kind } = definition;
  const { typeName, fullState, absentCode, sensitive } = kinds[kind];
  const accepting: Decoding = { ...decoding, validate: () => null };
  const decodingFor = ({ accepted }: DecodeContext) => (accepted === true ? accepting : decoding);
  const named = (value: Model[K] & { readonly name: string }): Decoded<Model[K]> => {
    if (value.name === '') throw new Refusal('name', 'value length must be at least 1 characters');
    return { name: value.name, value };
  };
  const decode = (bytes: Uint8Array, context: DecodeContext): Decoded<Model[K]> => {
    try {
      return named(definition.decode(decodingFor(context), fromBinary(messageType<M>(typeName), bytes)));
    } catch (error) {
      throw asMeshError(error, typeName, nameInFieldOne(bytes) ?? '', context);
    }
  };
  const type: ResourceType<K> = {
    kind,
    typeUrl: typeUrlOf(typeName),
    fullState,
    absentCode,
    sensitive,
    nameOf: nameInFieldOne,
    decode,
  };
  const { decodeInSteps } = definition;
  if (decodeInSteps === undefined) return type;
  return {
    ...type,
    *decodeInSteps(bytes, context) {
      try {
        return named(yield* decodeInSteps(decodingFor(context), bytes));
      } catch (error) {
        throw asMeshError(error, typeName, nameInFieldOne(bytes) ?? '', context);
      }
    },
  };
}

/** Names resource, field and reason; a fault in a decoder refuses one resource and does no more harm. */
function asMeshError(error: unknown, typeName: string, name: string, context: DecodeContext): MeshError {
  if (isMeshError(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const problem = error instanceof Refusal ? reason : `cannot be decoded: ${reason}`;
  const short = typeName.slice(typeName.lastIndexOf('.') + 1);
  return new MeshError('invalid_config', `${short} "${name}": ${problem}`, {
    resource: name,
    nodeId: context.nodeId,
    controlPlane: context.controlPlane,
    cause: error,
  });
}
