import { quantile } from '../arithmetic.ts';
import type { Measured } from './measure.ts';

/**
 * Sends `rate` calls a second whatever becomes of them; a call's latency counts from the moment when it was due, so that a
 * client that falls behind cannot hide it. Calls go out once a millisecond, all that are due: timers are no finer.
 */
export async function openLoop(call: () => Promise<void>, rate: number, seconds: number): Promise<Measured> {
  const total = Math.round(rate * seconds);
  const latencies = new Float64Array(total);
  const cpu = process.cpuUsage();
  const begun = performance.now();
  let sent = 0;
  let answered = 0;
  let errors = 0;
  await new Promise<void>((resolve) => {
    const send = (index: number) => {
      const due = begun + (index * 1000) / rate;
      const done = () => {
        latencies[index] = performance.now() - due;
        if (++answered === total) resolve();
      };
      call().then(done, () => {
        errors++;
        done();
      });
    };
    const tick = () => {
      const due = Math.min(total, Math.ceil(((performance.now() - begun) * rate) / 1000));
      while (sent < due) send(sent++);
      if (sent < total) setTimeout(tick, 1);
    };
    tick();
  });
  const elapsed = (performance.now() - begun) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  latencies.sort();
  return {
    rps: total / elapsed,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    cpuUs: (user + system) / total,
    calls: total,
    errors,
  };
}
