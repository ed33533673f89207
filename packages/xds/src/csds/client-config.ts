import { create } from '@bufbuild/protobuf';
import type { Any, Timestamp } from '@bufbuild/protobuf/wkt';
import { enumValues, messageType, typeNameOf } from '@inmesh/api';
import type { ClientResourceStatus, UpdateFailureState } from '@inmesh/api/gen/envoy/admin/v3/config_dump_shared_pb';
import type { ClientConfig, ClientConfig_GenericXdsConfig } from '@inmesh/api/gen/envoy/service/status/v3/csds_pb';
import { type AdsNode, nodeMessage } from '../ads/node.ts';
import type { ResourceContent } from '../ads/status.ts';
import { redact } from './redact.ts';

/** A resource of the bootstrap. */
export interface StaticResource {
  readonly typeUrl: string;
  readonly name: string;
}

export interface ClientConfigParts {
  readonly node: AdsNode;
  readonly userAgentVersion: string;
  /** `client_scope`: what the configuration is used for, where a process has several; may be empty. */
  readonly scope: string;
  readonly staticResources: readonly StaticResource[];
  readonly resources: Iterable<ResourceContent>;
  /** Leaves out the bytes of resources, which can be large. */
  readonly excludeContents: boolean;
}

/**
 * What a client takes from its control planes, as CSDS tells it: in the generic form (gRFC A40), each resource with its status, the
 * version in force and the version that was refused. It says one thing more than gRPC's: the refused bytes themselves, as far as
 * they were kept. Secrets are replaced. In steps, one for each resource.
 */
export function* clientConfig(parts: ClientConfigParts): Generator<undefined, ClientConfig, undefined> {
  const { node, userAgentVersion, scope, staticResources, resources, excludeContents } = parts;
  const statuses = enumValues<typeof ClientResourceStatus>('envoy.admin.v3.ClientResourceStatus');
  const type = messageType<ClientConfig_GenericXdsConfig>('envoy.service.status.v3.ClientConfig.GenericXdsConfig');
  const config = create(messageType<ClientConfig>('envoy.service.status.v3.ClientConfig'), {
    node: nodeMessage(node, userAgentVersion),
    clientScope: scope,
  });
  for (const { typeUrl, name } of staticResources) {
    const generic = create(type, { typeUrl, name, isStaticResource: true, clientStatus: statuses.ACKED });
    config.genericXdsConfigs.push(generic);
  }
  for (const resource of resources) {
    const { typeUrl, name, version, bytes, acceptedAt, updatedAt, state } = resource;
    const generic = create(type, { typeUrl, name, versionInfo: version, clientStatus: statuses[state] });
    const lastUpdated = timestamp(acceptedAt ?? (state === 'NACKED' ? null : updatedAt));
    if (lastUpdated !== null) generic.lastUpdated = lastUpdated;
    const content = excludeContents ? null : contentOf(typeUrl, bytes);
    if (content !== null) generic.xdsConfig = content;
    const failure = failureOf(resource, excludeContents);
    if (failure !== null) generic.errorState = failure;
    config.genericXdsConfigs.push(generic);
    yield;
  }
  return config;
}

function failureOf(resource: ResourceContent, excludeContents: boolean): UpdateFailureState | null {
  const { typeUrl, error, refusedVersion, refusedBytes, refusedAt, updatedAt } = resource;
  if (error === null) return null;
  const failure = create(messageType<UpdateFailureState>('envoy.admin.v3.UpdateFailureState'), {
    details: error,
    versionInfo: refusedVersion ?? '',
  });
  const at = timestamp(refusedAt ?? updatedAt);
  if (at !== null) failure.lastUpdateAttempt = at;
  const content = excludeContents ? null : contentOf(typeUrl, refusedBytes);
  if (content !== null) failure.failedConfiguration = content;
  return failure;
}

function contentOf(typeUrl: string, bytes: Uint8Array | null): Any | null {
  const value = bytes === null ? null : redact(typeNameOf(typeUrl), bytes);
  return value === null ? null : { $typeName: 'google.protobuf.Any', typeUrl, value };
}

/** Null for a time that is not known. */
function timestamp(ms: number | null): Timestamp | null {
  if (ms === null || ms === 0) return null;
  const seconds = Math.floor(ms / 1_000);
  return {
    $typeName: 'google.protobuf.Timestamp',
    seconds: BigInt(seconds),
    nanos: Math.round((ms - seconds * 1_000) * 1e6),
  };
}
