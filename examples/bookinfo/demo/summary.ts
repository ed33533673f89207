import { styleText } from 'node:util';
import type { Claim } from './claims.ts';
import { ENVOY_NODE } from './envoy.ts';
import { type Figures, figures } from './ledger.ts';
import type { PhaseReport } from './report.ts';
import type { Stage } from './stage.ts';
import { type Align, milliseconds, successRate, table } from './text.ts';

/** The table of the run: phases, then endpoints. */
export function summary(stage: Stage, reports: readonly PhaseReport[]): string[] {
  return ['', ...phaseTable(reports, stage.hasEnvoy), '', ...endpointTable(stage)];
}

/** What did not hold, by name; empty where all held. */
export function broken(reports: readonly PhaseReport[], others: readonly Claim[]): string[] {
  const inPhases = reports.flatMap(({ phase, claims }) =>
    claims.filter(({ held }) => !held).map(({ text, detail }) => `${phase.title}: ${text} (${detail})`),
  );
  return [...inPhases, ...others.filter(({ held }) => !held).map(({ text, detail }) => `${text} (${detail})`)];
}

function phaseTable(reports: readonly PhaseReport[], hasEnvoy: boolean): string[] {
  const columns = ['phase', 'calls', 'failed', 'broke off', 'claims', 'inmesh: success', 'p50', 'p99'];
  const envoyColumns = hasEnvoy ? ['Envoy: success', 'failed', 'broke off', 'p50', 'p99'] : ['Envoy'];
  const rows = reports.map(({ phase, claims, mesh, inmesh, envoy }) => [
    phase.title,
    `${mesh.calls}`,
    `${mesh.failed}`,
    `${mesh.broken}`,
    `${claims.filter(({ held }) => held).length}/${claims.length}`,
    successRate(inmesh),
    milliseconds(inmesh.p50),
    milliseconds(inmesh.p99),
    ...envoyCells(envoy),
  ]);
  const aligns: Align[] = [...columns, ...envoyColumns].map((_, column) => (column === 0 ? 'left' : 'right'));
  return [
    styleText(
      'dim',
      'calls, failed, broke off: over the mesh by the demo and the services; success, p50, p99: the same calls',
    ),
    styleText('dim', 'to reviews through inmesh and through Envoy. A call that broke off had begun to be answered.'),
    ...table([[...columns, ...envoyColumns].map((name) => styleText('bold', name)), ...rows], aligns),
  ];
}

function envoyCells(envoy: Figures | null): string[] {
  if (envoy === null) return ['not installed'];
  return [successRate(envoy), `${envoy.failed}`, `${envoy.broken}`, milliseconds(envoy.p50), milliseconds(envoy.p99)];
}

function endpointTable({ feed, ledger }: Stage): string[] {
  const calls = ledger.calls.filter(({ caller }) => caller !== ENVOY_NODE);
  const rows = feed.instances.map(({ name, cluster }) => {
    const own = figures(calls.filter(({ endpoint }) => endpoint === name));
    return [cluster, name, `${own.calls}`, successRate(own), milliseconds(own.p50), milliseconds(own.p99)];
  });
  const columns = ['cluster', 'endpoint', 'calls', 'success', 'p50', 'p99'].map((name) => styleText('bold', name));
  return table([columns, ...rows], ['left', 'left', 'right', 'right', 'right', 'right']);
}
