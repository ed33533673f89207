import { quantile } from '../arithmetic.ts';
import type { Measured } from './measure.ts';

/** Keeps `concurrency` calls in flight for `seconds`: each caller calls again as soon as it was answered. */
export async function closedLoop(call: () => Promise<void>, concurrency: number, seconds: number): Promise<Measured> {
  const latencies: number[] = [];
  let errors = 0;
  const cpu = process.cpuUsage();
  const begun = performance.now();
  const until = begun + seconds * 1000;
  const caller = async () => {
    for (let now = performance.now(); now < until; ) {
      await call().catch(() => errors++);
      const after = performance.now();
      latencies.push(after - now);
      now = after;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, caller));
  const elapsed = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(latencies).sort();
  return {
    rps: sorted.length / elapsed,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    cpuUs: (user + system) / sorted.length,
    calls: sorted.length,
    errors,
  };
}
