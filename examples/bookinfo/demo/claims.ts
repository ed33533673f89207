import type { CallRecord } from './calls.ts';
import type { Split } from './feed.ts';

/** Something that the demo says is so, and whether the counts bear it out. */
export interface Claim {
  readonly text: string;
  readonly held: boolean;
  /** The counts. */
  readonly detail: string;
}

/** Standard deviations that a share may be off: by chance alone, one run in 100,000 has such a share. */
const DEVIATIONS = 4.5;

/** Calls without which a phase has shown nothing. */
const ENOUGH = 50;

export function enoughCalls(calls: readonly CallRecord[]): Claim {
  return { text: 'calls went on', held: calls.length >= ENOUGH, detail: `${calls.length} calls` };
}

export function noneFailed(calls: readonly CallRecord[]): Claim {
  const failed = calls.filter(({ outcome }) => outcome === 'failed');
  const reasons = [...new Set(failed.map(({ caller, service, why }) => `${caller} → ${service}: ${why}`))];
  const detail = failed.length === 0 ? `0 of ${calls.length}` : `${failed.length} of ${calls.length}: ${reasons[0]}`;
  return { text: 'no call failed', held: failed.length === 0, detail };
}

export function noneBrokeOff(calls: readonly CallRecord[]): Claim {
  const broken = calls.filter(({ outcome }) => outcome === 'broken');
  const detail = broken.length === 0 ? '0' : `${broken.length}: ${broken[0]?.endpoint}: ${broken[0]?.why}`;
  return { text: 'no answer broke off', held: broken.length === 0, detail };
}

/** `inFlight`: calls of the demo itself that the endpoint had in flight when it was killed. */
export function brokeOffOnlyAt(calls: readonly CallRecord[], name: string, caller: string, inFlight: number): Claim {
  const broken = calls.filter(({ outcome }) => outcome === 'broken');
  const elsewhere = broken.filter(({ brokenAt }) => brokenAt !== name);
  const own = broken.filter((call) => call.caller === caller && call.service === 'reviews');
  return {
    text: `only answers that ${name} had begun broke off`,
    held: elsewhere.length === 0 && own.length <= inFlight,
    detail: `${broken.length} broke off, ${elsewhere.length} of them elsewhere; ${inFlight} calls of the demo were in flight there`,
  };
}

/** Each cluster's share of the calls is what the feed says, as far as chance allows; nothing at all where it says 0. */
export function followsSplit(calls: readonly CallRecord[], split: Split): Claim {
  const shares = Object.entries(split).map(([cluster, percent]) => {
    const share = percent / 100;
    const found = calls.filter((call) => call.cluster === cluster).length;
    const bound = DEVIATIONS * Math.sqrt(calls.length * share * (1 - share));
    return { cluster, percent, found, held: Math.abs(found - calls.length * share) <= bound };
  });
  return {
    text: `the calls follow the split ${shares.map(({ percent }) => percent).join('/')}`,
    held: calls.length > 0 && shares.every(({ held }) => held),
    detail: `${shares.map(({ cluster, found }) => `${cluster} ${percentOf(found, calls.length)} %`).join(', ')} of ${calls.length}`,
  };
}

function percentOf(part: number, whole: number): string {
  return ((part * 100) / Math.max(1, whole)).toFixed(1);
}

export function noCallsTo(calls: readonly CallRecord[], name: string, what: (call: CallRecord) => boolean): Claim {
  const found = calls.filter(what).length;
  return { text: `no call goes to ${name}`, held: found === 0, detail: `${found} of ${calls.length}` };
}

export function callsTo(calls: readonly CallRecord[], name: string): Claim {
  const found = calls.filter(({ endpoint, outcome }) => endpoint === name && outcome === 'ok').length;
  return { text: `${name} serves calls`, held: found > 0, detail: `${found} of ${calls.length}` };
}

export function fact(text: string, held: boolean, detail: string): Claim {
  return { text, held, detail };
}
