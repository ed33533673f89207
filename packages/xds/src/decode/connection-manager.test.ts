import assert from 'node:assert/strict';
import { fromJson, messageType } from '@inmesh/api';
import type { HttpConnectionManager } from '@inmesh/api/gen/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { CONNECTION_MANAGER_DEFAULTS } from '@inmesh/core';
import { decodeConnectionManager } from './connection-manager.ts';
import { Refusal } from './decoding.ts';
import { newDecoding } from './new-decoding.ts';

const TYPE = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
const decoding = newDecoding();

function decode(json: object): ReturnType<typeof decodeConnectionManager> {
  const message = fromJson(messageType<HttpConnectionManager>(TYPE), json as never);
  return decodeConnectionManager(decoding, message, 'manager');
}

describe('decodeConnectionManager', () => {
  it('has Envoy’s defaults', () => {
    assert.deepEqual(decode({}), CONNECTION_MANAGER_DEFAULTS);
  });

  it('reads what it honours', () => {
    const found = decode({
      normalize_path: true,
      merge_slashes: true,
      path_with_escaped_slashes_action: 'UNESCAPE_AND_FORWARD',
      strip_any_host_port: true,
      max_request_headers_kb: 1,
      stream_idle_timeout: '0s',
      common_http_protocol_options: { max_headers_count: 7, headers_with_underscores_action: 'DROP_HEADER' },
      tracing: { random_sampling: { value: 12.34 } },
    });
    assert.deepEqual(found.path, { normalize: true, mergeSlashes: true, escapedSlashes: 'forward' });
    assert.equal(found.host.stripPort, 'any');
    assert.deepEqual(found.limits, { maxBytes: 1024, maxCount: 7, underscores: 'drop' });
    assert.equal(found.streamIdleTimeoutMs, 0);
    assert.deepEqual(found.sampling?.random, { numerator: 1234, denominator: 10_000 });
  });

  it('names what it must not ignore', () => {
    const custom = { name: 'x', typed_config: { '@type': 'type.googleapis.com/google.protobuf.Empty' } };
    const found = decode({
      add_user_agent: true,
      original_ip_detection_extensions: [custom],
      early_header_mutation_extensions: [custom],
      request_id_extension: { typed_config: custom.typed_config },
      local_reply_config: { mappers: [{ filter: { duration_filter: { comparison: { op: 'GE', value: {} } } } }] },
    });
    assert.deepEqual(found.unsupported, [
      'original_ip_detection_extensions',
      'add_user_agent',
      'request_id_extension',
      'early_header_mutation_extensions[0].typed_config',
      'local_reply_config filter durationFilter',
    ]);
  });

  it('refuses what Envoy refuses', () => {
    assert.throws(
      () => decode({ local_reply_config: { body_format: { text_format_source: { inline_string: '%NONE(' } } } }),
      (error) => error instanceof Refusal && error.field === 'manager.local_reply_config.body_format',
    );
    assert.throws(() => decode({ strip_matching_host_port: true, strip_any_host_port: true }), Refusal);
  });
});
