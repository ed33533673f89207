import assert from 'node:assert/strict';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { OrcaLoadReport } from '@inmesh/api/gen/xds/data/orca/v3/orca_load_report_pb';
import { Headers } from '@inmesh/core';
import { readOrca } from './orca.ts';

const type = () => messageType<OrcaLoadReport>('xds.data.orca.v3.OrcaLoadReport');
const binary = (init: object): string => Buffer.from(toBinary(type(), create(type(), init))).toString('base64');

describe('readOrca', () => {
  it('reads each of the forms in which servers tell their load', () => {
    const report = { cpuUtilization: 0.25, eps: 2, namedMetrics: { queue: 7 } };
    const forms = [
      ['Endpoint-Load-Metrics-Bin', binary(report)],
      ['endpoint-load-metrics-bin', binary(report).replace(/=+$/, '')],
      ['endpoint-load-metrics', `BIN ${binary(report)}`],
      ['endpoint-load-metrics', 'JSON {"cpu_utilization": 0.25, "eps": 2, "named_metrics": {"queue": 7}}'],
      ['endpoint-load-metrics', 'TEXT cpu_utilization=0.25, eps:2,named_metrics.queue=7'],
    ];
    for (const header of forms) {
      const read = readOrca(Headers.from(header));
      assert.equal(read?.cpuUtilization, 0.25, header.join());
      assert.equal(read.eps, 2);
      assert.equal(read.memUtilization, 0);
      assert.deepEqual([...read.namedMetrics], [['queue', 7]]);
    }
  });

  it('reads the maps', () => {
    const read = readOrca(
      Headers.from(['endpoint-load-metrics-bin', binary({ utilization: { disk: 0.5 }, requestCost: { bytes: 9 } })]),
    );
    assert.deepEqual([...(read?.utilization ?? [])], [['disk', 0.5]]);
    assert.deepEqual([...(read?.requestCost ?? [])], [['bytes', 9]]);
  });

  it('finds nothing where there is nothing, or nothing that can be read', () => {
    assert.equal(readOrca(Headers.from(['content-type', 'text/plain'])), null);
    for (const value of [
      '',
      'cpu_utilization=0.3',
      'JSON {',
      'JSON {"unknown": 1}',
      'TEXT ',
      'TEXT cpu_utilization',
      'TEXT unknown=1',
      'TEXT eps=1,eps=2',
      'TEXT eps=NaN',
      'TEXT named_metrics.=1',
      'TEXT named_metrics.a=1,named_metrics.a=2',
      'TEXT eps=Infinity',
      `BIN ${Buffer.from([0x0a, 0x7f]).toString('base64')}`,
      `BIN ${binary({ namedMetrics: { a: Number.NaN } })}`,
    ]) {
      assert.equal(readOrca(Headers.from(['endpoint-load-metrics', value])), null, value);
    }
  });
});
