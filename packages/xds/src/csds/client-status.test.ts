import assert from 'node:assert/strict';
import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { fromJson, messageType, typeUrlOf } from '@inmesh/api';
import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
import type { ClientStatusRequest, ClientStatusResponse } from '@inmesh/api/gen/envoy/service/status/v3/csds_pb';
import { systemClock } from '@inmesh/core';
import type { ResourceContent } from '../ads/status.ts';
import { ClientStatus } from './client-status.ts';

const clusterType = () => messageType<Cluster>('envoy.config.cluster.v3.Cluster');
const requestType = () => messageType<ClientStatusRequest>('envoy.service.status.v3.ClientStatusRequest');
const responseType = () => messageType<ClientStatusResponse>('envoy.service.status.v3.ClientStatusResponse');

function clusterBytes(json: JsonObject): Uint8Array {
  return toBinary(clusterType(), fromJson(clusterType(), json));
}

function content(name: string, more: Partial<ResourceContent>): ResourceContent {
  return {
    kind: 'cluster',
    typeUrl: typeUrlOf('envoy.config.cluster.v3.Cluster'),
    name,
    state: 'REQUESTED',
    version: '',
    error: null,
    refusedVersion: null,
    updatedAt: 1_700_000_000_250,
    watched: true,
    bytes: null,
    acceptedAt: null,
    refusedBytes: null,
    refusedAt: null,
    ...more,
  };
}

function statusOf(resources: readonly ResourceContent[], clock = systemClock): ClientStatus {
  const node = {
    id: 'node-1',
    cluster: 'shop',
    metadata: { A: 'b' },
    locality: { region: 'eu', zone: '', subZone: '' },
  };
  return new ClientStatus(
    () => ({
      node,
      userAgentVersion: '1.2.3',
      scope: 'xds:///shop',
      staticResources: [{ typeUrl: typeUrlOf('envoy.config.cluster.v3.Cluster'), name: 'fixed' }],
      resources,
    }),
    clock,
  );
}

async function answer(status: ClientStatus, request: JsonObject = {}): Promise<ClientStatusResponse> {
  const given = await status.answer(toBinary(requestType(), fromJson(requestType(), request)));
  assert.ok(given instanceof Uint8Array, JSON.stringify(given));
  return fromBinary(responseType(), given);
}

describe('client status', () => {
  it('says of each resource what became of it, in gRPC’s numbers', async () => {
    const states = ['REQUESTED', 'DOES_NOT_EXIST', 'ACKED', 'NACKED', 'RECEIVED_ERROR', 'TIMEOUT'] as const;
    const response = await answer(statusOf(states.map((state) => content(state, { state }))));
    const [config, ...others] = response.config;
    assert.deepEqual(others, []);
    assert.equal(config?.node?.id, 'node-1');
    assert.equal(config.node.userAgentName, 'inmesh');
    assert.equal(config.node.locality?.region, 'eu');
    assert.equal(config.clientScope, 'xds:///shop');
    assert.deepEqual(
      config.genericXdsConfigs.map(({ name, clientStatus, isStaticResource }) => [
        name,
        clientStatus,
        isStaticResource,
      ]),
      [['fixed', 3, true], ...states.map((state, index) => [state, index + 1, false])],
    );
  });

  it('shows what is in force and, apart, what was refused, why and when', async () => {
    const good = clusterBytes({ name: 'c' });
    const bad = clusterBytes({ name: 'c', connect_timeout: '-1s' });
    const resource = content('c', {
      state: 'NACKED',
      version: '7',
      bytes: good,
      acceptedAt: 1_700_000_000_250,
      updatedAt: 1_700_000_009_000,
      error: 'connect_timeout: too short',
      refusedVersion: '8',
      refusedBytes: bad,
      refusedAt: 1_700_000_009_000,
    });
    const [, shown] = (await answer(statusOf([resource]))).config[0]?.genericXdsConfigs ?? [];
    assert.equal(shown?.versionInfo, '7');
    assert.deepEqual(Buffer.from(shown.xdsConfig?.value ?? []), Buffer.from(good));
    assert.equal(shown.lastUpdated?.seconds, 1_700_000_000n);
    assert.equal(shown.lastUpdated.nanos, 250_000_000);
    assert.equal(shown.errorState?.details, 'connect_timeout: too short');
    assert.equal(shown.errorState.versionInfo, '8');
    assert.equal(shown.errorState.lastUpdateAttempt?.seconds, 1_700_000_009n);
    assert.equal(shown.errorState.failedConfiguration?.typeUrl, typeUrlOf('envoy.config.cluster.v3.Cluster'));
    assert.deepEqual(Buffer.from(shown.errorState.failedConfiguration.value), Buffer.from(bad));
  });

  it('leaves contents out where they are not asked for', async () => {
    const bytes = clusterBytes({ name: 'c' });
    const resource = content('c', { state: 'NACKED', error: 'no', bytes, refusedBytes: bytes, refusedVersion: '2' });
    const [, shown] =
      (await answer(statusOf([resource]), { exclude_resource_contents: true })).config[0]?.genericXdsConfigs ?? [];
    assert.equal(shown?.errorState?.details, 'no');
    assert.equal(shown.xdsConfig, undefined);
    assert.equal(shown.errorState.failedConfiguration, undefined);
  });

  it('refuses node_matchers, as gRPC’s implementations do, and what is no request', async () => {
    const status = statusOf([]);
    const request = create(requestType(), { nodeMatchers: [{}] });
    const refused = await status.answer(toBinary(requestType(), request));
    assert.ok(!(refused instanceof Uint8Array));
    assert.equal(refused.code, 3);
    assert.match(refused.message, /node_matchers are not supported/);
    const garbled = await status.answer(Buffer.from([0x0a, 0x7f]));
    assert.ok(!(garbled instanceof Uint8Array));
    assert.equal(garbled.code, 3);
  });

  it('replaces secrets, and keeps the rest of what holds them', async () => {
    const bytes = clusterBytes({
      name: 'c',
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': typeUrlOf('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext'),
          sni: 'reviews',
          common_tls_context: {
            tls_certificates: [
              { certificate_chain: { inline_string: 'CHAIN' }, private_key: { inline_string: 'PRIVATE KEY-----' } },
              { certificate_chain: { filename: '/c' }, private_key: { filename: '/k' } },
            ],
          },
        },
      },
      metadata: { filter_metadata: { a: { b: 'c' } } },
    });
    const { config } = await statusOf([content('c', { state: 'ACKED', bytes })]).json();
    const text = JSON.stringify(config);
    assert.ok(!text.includes('PRIVATE KEY'));
    assert.match(text, /"private_key":\{"inline_string":"\[redacted\]"\}/);
    assert.match(text, /"certificate_chain":\{"inline_string":"CHAIN"\}/);
    assert.match(text, /"private_key":\{"filename":"\/k"\}/);
    assert.match(text, /"sni":"reviews"/);
    assert.match(text, /"filter_metadata":\{"a":\{"b":"c"\}\}/);
  });

  it('writes JSON with the names of the protos, and nothing of what no decoder takes', async () => {
    const resource = content('c', {
      state: 'NACKED',
      version: '1',
      bytes: clusterBytes({ name: 'c', type: 'EDS' }),
      error: 'broken',
      refusedBytes: Buffer.from([0xff, 0xff]),
    });
    const { config } = await statusOf([resource]).json();
    const [first] = config as { generic_xds_configs: JsonObject[] }[];
    const shown = first?.generic_xds_configs[1];
    assert.equal(shown?.client_status, 'NACKED');
    assert.equal(shown.version_info, '1');
    assert.deepEqual(shown.xds_config, {
      '@type': 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
      name: 'c',
      type: 'EDS',
    });
    const { failed_configuration: failed } = shown.error_state as JsonObject;
    // Bytes that no decoder takes may hold anything, so they are not shown.
    assert.equal(failed, undefined);
  });

  it('lets the event loop run while it makes a long answer', async () => {
    // A clock on which each look takes a millisecond: every fifth resource ends a slice.
    let now = 0;
    let turns = 0;
    const ticking = {
      ...systemClock,
      now: () => now++,
      afterInput: (callback: () => void) => {
        turns++;
        setImmediate(callback);
      },
    };
    const resources = Array.from({ length: 20 }, (_, index) => content(`c${index}`, {}));
    const response = await answer(statusOf(resources, ticking));
    assert.equal(response.config[0]?.genericXdsConfigs.length, 21);
    assert.ok(turns >= 3, `${turns} turns`);
  });
});
