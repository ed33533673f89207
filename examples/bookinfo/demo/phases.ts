import type { CallRecord } from './calls.ts';
import {
  brokeOffOnlyAt,
  type Claim,
  callsTo,
  enoughCalls,
  fact,
  followsSplit,
  noCallsTo,
  noneBrokeOff,
  noneFailed,
} from './claims.ts';
import type { Split } from './feed.ts';
import { DEMO_NODE, type Stage } from './stage.ts';

/** The calls of a phase over the mesh, from the demo and from the services. */
export interface PhaseCalls {
  /** From the first step of the change on. */
  readonly all: readonly CallRecord[];
  /** Those that began once every client had accepted the change. */
  readonly after: readonly CallRecord[];
}

export interface Phase {
  readonly key: string;
  readonly title: string;
  /** What is done. */
  readonly does: string;
  /** What that shows. */
  readonly shows: string;
  /** Makes the change; resolves, when it is in force, to the judge of the calls. */
  change(stage: Stage): Promise<(calls: PhaseCalls) => Claim[]>;
}

const THIRDS: Split = { 'reviews-v1': 34, 'reviews-v2': 33, 'reviews-v3': 33 };
const CANARY: Split = { 'reviews-v1': 90, 'reviews-v2': 0, 'reviews-v3': 10 };
const SHIFTED: Split = { 'reviews-v1': 0, 'reviews-v2': 0, 'reviews-v3': 100 };
const HALVES: Split = { 'reviews-v1': 0, 'reviews-v2': 50, 'reviews-v3': 50 };

const STOPPED = 'reviews-v3-3';
const KILLED = 'reviews-v3-2';

export const phases: readonly Phase[] = [
  {
    key: 'steady',
    title: 'Steady',
    does: 'calls go to three versions of reviews, 34/33/33',
    shows: 'routes, clusters and endpoints come from the feed; nobody configured an address',
    change: async () => (calls) => [...always(calls), followsSplit(reviews(calls.after), THIRDS)],
  },
  {
    key: 'canary',
    title: 'Split 90/10',
    does: 'the routes are saved with 90 % for v1 and 10 % for v3',
    shows: 'a saved file moves traffic, without a restart and without a failed call',
    change: (stage) => shift(stage, CANARY),
  },
  {
    key: 'shift',
    title: 'Split 0/100',
    does: 'the routes are saved with everything for v3',
    shows: 'once the change is accepted, not one call goes to the old version',
    change: async (stage) => {
      const judge = await shift(stage, SHIFTED);
      return (calls) => [
        ...judge(calls),
        noCallsTo(reviews(calls.after), 'v1 or v2', ({ cluster }) => cluster !== 'reviews-v3'),
      ];
    },
  },
  {
    key: 'stop',
    title: 'Graceful stop',
    does: `${STOPPED} gets SIGTERM and leaves the feed`,
    shows: 'what it has begun it finishes; what comes too late goes to another endpoint',
    change: async (stage) => {
      const instance = stage.instance(STOPPED);
      const exited = stage.end(instance, 'SIGTERM');
      await stage.plane.follow(() => stage.feed.remove(instance));
      const { code, signal } = await exited;
      return (calls) => [
        ...always(calls),
        fact(`${STOPPED} ended by itself`, code === 0, `exit ${signal ?? code}`),
        noCallsTo(reviews(calls.after), STOPPED, ({ endpoint }) => endpoint === STOPPED),
      ];
    },
  },
  {
    key: 'join',
    title: 'Endpoint joins',
    does: `${STOPPED} starts again and is put back into the feed`,
    shows: 'a new endpoint takes its share at once',
    change: async (stage) => {
      const instance = stage.instance(STOPPED);
      await stage.start(instance);
      await stage.plane.follow(() => stage.feed.add(instance));
      return (calls) => [...always(calls), callsTo(reviews(calls.after), STOPPED)];
    },
  },
  {
    key: 'kill',
    title: 'kill -9',
    does: `${KILLED} is killed; the feed goes on naming it`,
    shows: 'calls that it had not begun to answer are made again elsewhere; those it had are lost, and counted apart',
    change: async (stage) => {
      const instance = stage.instance(KILLED);
      const before = stage.endpointStats(instance);
      await stage.end(instance, 'SIGKILL');
      return (calls) => {
        const refused = stage.endpointStats(instance).cx_connect_fail - before.cx_connect_fail;
        return [
          enoughCalls(calls.after),
          noneFailed(calls.all),
          brokeOffOnlyAt(calls.all, KILLED, DEMO_NODE, before.rq_active),
          fact(`${KILLED} is still tried`, refused > 0, `${refused} refused connections were made up for elsewhere`),
        ];
      };
    },
  },
  {
    key: 'revive',
    title: 'Back again',
    does: `${KILLED} starts again on its port; the feed does not change`,
    shows: 'it takes calls as soon as it can',
    change: async (stage) => {
      await stage.start(stage.instance(KILLED));
      return (calls) => [...always(calls), callsTo(reviews(calls.after), KILLED)];
    },
  },
  {
    key: 'outage',
    title: 'No control plane',
    does: 'the control plane is stopped',
    shows: 'what was learnt stays in force: calls do not notice',
    change: async (stage) => {
      await stage.plane.stop();
      return (calls) => [...always(calls), followsSplit(reviews(calls.after), SHIFTED)];
    },
  },
  {
    key: 'return',
    title: 'Control plane back',
    does: 'it starts again, and the routes are saved with 50/50 for v2 and v3',
    shows: 'every client has come back by itself and follows the feed again',
    change: async (stage) => {
      await stage.plane.start();
      await stage.plane.clientsBack();
      return shift(stage, HALVES);
    },
  },
];

async function shift(stage: Stage, split: Split): Promise<(calls: PhaseCalls) => Claim[]> {
  await stage.plane.follow(() => stage.feed.split(split));
  return (calls) => [...always(calls), followsSplit(reviews(calls.after), split)];
}

/** What must hold in every phase but the one in which an endpoint is killed. */
function always({ all, after }: PhaseCalls): Claim[] {
  return [enoughCalls(after), noneFailed(all), noneBrokeOff(all)];
}

function reviews(calls: readonly CallRecord[]): CallRecord[] {
  return calls.filter(({ service }) => service === 'reviews');
}
