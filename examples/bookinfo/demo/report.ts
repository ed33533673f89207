import { type Claim, noneFailed } from './claims.ts';
import { ENVOY_NODE } from './envoy.ts';
import { type Figures, figures } from './ledger.ts';
import { type Phase, phases } from './phases.ts';
import { DEMO_NODE, type Stage } from './stage.ts';

/** What a phase came to. */
export interface PhaseReport {
  readonly phase: Phase;
  readonly claims: readonly Claim[];
  /** All calls over the mesh. */
  readonly mesh: Figures;
  /** The demo's own calls to reviews: the same calls as those through Envoy. */
  readonly inmesh: Figures;
  /** Null where Envoy is not installed. */
  readonly envoy: Figures | null;
}

/** Hears how the play goes on. */
export interface Audience {
  begins(phase: Phase, number: number): void;
  ends(report: PhaseReport): void;
}

/** Plays all phases, and judges each by the calls that were made in it. */
export async function play(stage: Stage, audience: Audience): Promise<PhaseReport[]> {
  const reports: PhaseReport[] = [];
  for (const [index, phase] of phases.entries()) {
    const changing = `${phase.key}, changing`;
    await stage.turn(changing);
    audience.begins(phase, index + 1);
    const judge = await phase.change(stage);
    await stage.turn(phase.key);
    await stage.hold();
    // The change of tags waits for the last call of this phase.
    await stage.turn(`${phase.key}, over`);
    const after = stage.ledger.tagged(phase.key);
    const all = [...stage.ledger.tagged(changing), ...after];
    const mesh = all.filter(({ caller }) => caller !== ENVOY_NODE);
    const envoy = all.filter(({ caller }) => caller === ENVOY_NODE);
    const report = {
      phase,
      claims: judge({ all: mesh, after: after.filter(({ caller }) => caller !== ENVOY_NODE) }),
      mesh: figures(mesh),
      inmesh: figures(mesh.filter(({ caller, service }) => caller === DEMO_NODE && service === 'reviews')),
      envoy: stage.hasEnvoy ? figures(envoy) : null,
    };
    reports.push(report);
    audience.ends(report);
  }
  return reports;
}

/** The few calls between two phases belong to none, and must not fail either. */
export function between(stage: Stage): Claim {
  const tags = new Set(phases.map(({ key }) => `${key}, over`));
  return noneFailed(stage.ledger.calls.filter(({ tag, caller }) => tags.has(tag) && caller !== ENVOY_NODE));
}
