import { fromBinary } from '@bufbuild/protobuf';
import { fromJson, messageType } from '@inmesh/api';
import type { OrcaLoadReport } from '@inmesh/api/gen/xds/data/orca/v3/orca_load_report_pb';
import type { Headers, OrcaReport } from '@inmesh/core';

const binaryHeader = 'endpoint-load-metrics-bin';
const header = 'endpoint-load-metrics';

const reportType = (): ReturnType<typeof messageType<OrcaLoadReport>> =>
  messageType<OrcaLoadReport>('xds.data.orca.v3.OrcaLoadReport');

/**
 * What a server says of its own load with a response (ORCA), in the forms that Envoy reads: `endpoint-load-metrics-bin`, which gRPC
 * servers send, or `endpoint-load-metrics` with `BIN …`, `JSON …` or `TEXT cpu_utilization=0.3, named_metrics.queue=7`. Null where there is
 * none, or it cannot be read: a report is advice, and no call fails over it.
 */
export function readOrca(headers: Headers): OrcaReport | null {
  const binary = headers.get(binaryHeader);
  const other = binary === undefined ? headers.get(header) : undefined;
  if (binary === undefined && other === undefined) return null;
  try {
    const report = binary === undefined ? parse(other as string) : parseBinary(binary);
    return report !== null && isSound(report) ? report : null;
  } catch {
    return null;
  }
}

function parse(value: string): OrcaReport | null {
  if (value.startsWith('BIN ')) return parseBinary(value.slice(4));
  if (value.startsWith('JSON ')) return reportOf(fromJson(reportType(), JSON.parse(value.slice(5))));
  return value.startsWith('TEXT ') ? parseText(value.slice(5)) : null;
}

function parseBinary(value: string): OrcaReport {
  return reportOf(fromBinary(reportType(), Buffer.from(value, 'base64')));
}

function reportOf(message: OrcaLoadReport): OrcaReport {
  const { cpuUtilization, memUtilization, applicationUtilization, rpsFractional, eps } = message;
  return {
    cpuUtilization,
    memUtilization,
    applicationUtilization,
    rpsFractional,
    eps,
    utilization: new Map(Object.entries(message.utilization)),
    requestCost: new Map(Object.entries(message.requestCost)),
    namedMetrics: new Map(Object.entries(message.namedMetrics)),
  };
}

type Scalar = 'cpuUtilization' | 'memUtilization' | 'applicationUtilization' | 'rpsFractional' | 'eps';

const texts: Readonly<Record<string, Scalar>> = {
  cpu_utilization: 'cpuUtilization',
  mem_utilization: 'memUtilization',
  application_utilization: 'applicationUtilization',
  rps_fractional: 'rpsFractional',
  eps: 'eps',
};

/** Pairs with `=` or `:`, parted by commas; a name that is unknown or comes twice spoils the whole, as in Envoy. */
function parseText(text: string): OrcaReport | null {
  const namedMetrics = new Map<string, number>();
  const scalars: { [K in Scalar]?: number } = {};
  for (const pair of text.split(',')) {
    const [, name, digits] = /^\s*([^=:\s]+)\s*[=:]\s*(\S+)\s*$/.exec(pair) ?? [];
    if (name === undefined || digits === undefined) return null;
    const value = Number(digits);
    const field = Object.hasOwn(texts, name) ? texts[name] : undefined;
    if (field !== undefined) {
      if (field in scalars) return null;
      scalars[field] = value;
    } else if (name.startsWith('named_metrics.') && name.length > 'named_metrics.'.length) {
      const key = name.slice('named_metrics.'.length);
      if (namedMetrics.has(key)) return null;
      namedMetrics.set(key, value);
    } else return null;
  }
  const none = { cpuUtilization: 0, memUtilization: 0, applicationUtilization: 0, rpsFractional: 0, eps: 0 };
  return { ...none, ...scalars, utilization: new Map(), requestCost: new Map(), namedMetrics };
}

/** One number that is none would make a sum none for ever. */
function isSound(report: OrcaReport): boolean {
  const { cpuUtilization, memUtilization, applicationUtilization, rpsFractional, eps } = report;
  const numbers = [cpuUtilization, memUtilization, applicationUtilization, rpsFractional, eps];
  for (const map of [report.utilization, report.requestCost, report.namedMetrics]) numbers.push(...map.values());
  return numbers.every(Number.isFinite);
}
