import type { Headers } from '../headers.ts';

/** What a server says of its own load with a response. (xds.data.orca.v3.OrcaLoadReport) */
export interface OrcaReport {
  readonly cpuUtilization: number;
  readonly memUtilization: number;
  readonly applicationUtilization: number;
  readonly rpsFractional: number;
  readonly eps: number;
  readonly utilization: ReadonlyMap<string, number>;
  readonly requestCost: ReadonlyMap<string, number>;
  readonly namedMetrics: ReadonlyMap<string, number>;
}

/** Reads the report in the headers or the trailers of a response; null where there is none that can be read. Never throws. */
export type OrcaCodec = (headers: Headers) => OrcaReport | null;

/** Takes one metric out of a report, or several under one name pattern. */
type Taker = (report: OrcaReport, add: (name: string, value: number) => void) => void;

const scalars: Readonly<Record<string, (report: OrcaReport) => number>> = {
  cpu_utilization: ({ cpuUtilization }) => cpuUtilization,
  mem_utilization: ({ memUtilization }) => memUtilization,
  application_utilization: ({ applicationUtilization }) => applicationUtilization,
  rps_fractional: ({ rpsFractional }) => rpsFractional,
  eps: ({ eps }) => eps,
};

const maps: Readonly<Record<string, (report: OrcaReport) => ReadonlyMap<string, number>>> = {
  named_metrics: ({ namedMetrics }) => namedMetrics,
  utilization: ({ utilization }) => utilization,
  request_cost: ({ requestCost }) => requestCost,
};

/**
 * What `lrs_report_endpoint_metrics` names (gRFC A85): `cpu_utilization`, `named_metrics.foo`, `named_metrics.*` … Names that the
 * reports do not have are left out, as Envoy and gRPC leave them out.
 */
export function metricTaker(names: readonly string[]): Taker {
  const takers = names.flatMap((name): Taker[] => {
    const scalar = Object.hasOwn(scalars, name) ? scalars[name] : undefined;
    if (scalar !== undefined) return [(report, add) => add(name, scalar(report))];
    const dot = name.indexOf('.');
    const prefix = name.slice(0, Math.max(0, dot));
    const map = Object.hasOwn(maps, prefix) ? maps[prefix] : undefined;
    if (map === undefined) return [];
    const key = name.slice(dot + 1);
    if (key === '*') {
      return [
        (report, add) => {
          for (const [each, value] of map(report)) add(`${prefix}.${each}`, value);
        },
      ];
    }
    return [
      (report, add) => {
        const value = map(report).get(key);
        if (value !== undefined) add(name, value);
      },
    ];
  });
  return (report, add) => {
    for (const take of takers) take(report, add);
  };
}
