import { quantile } from '../arithmetic.ts';
import type { Measured } from './measure.ts';

/**
 * Calls in flight at most, as a bounded set of connections would have it (wrk2 does so). After a stall of the machine all
 * calls that fell due meanwhile would go out at once, and every subject would be measured opening thousands of connections.
 */
const MAX_IN_FLIGHT = 256;

/**
 * Sends `rate` calls a second whatever becomes of them; a call's latency counts from the moment when it was due, so that a
 * client that falls behind cannot hide it. All calls that are due go out once a millisecond, because timers are no finer, and
 * whenever one was answered.
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
        else if (sent < total) fill();
      };
      call().then(done, () => {
        errors++;
        done();
      });
    };
    const fill = () => {
      const due = Math.min(total, Math.ceil(((performance.now() - begun) * rate) / 1000));
      while (sent < due && sent - answered < MAX_IN_FLIGHT) send(sent++);
    };
    const tick = () => {
      fill();
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
