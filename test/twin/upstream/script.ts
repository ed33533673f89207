import type { Answer } from '../case.ts';
import type { Arrival } from '../observation.ts';

/** What a recorder hands over: a request that has arrived whole. How it is to be answered comes back. */
export interface Recording {
  record(request: Omit<Arrival, 'recorder'>): Answer;
}

/** The answer once it is time for it: behind its gate, after its delay. Never, where the sender has gone by then. */
export async function whenDue(answer: Answer, gone: AbortSignal, reply: () => void): Promise<void> {
  if (answer.gate !== undefined) await answer.gate;
  if (gone.aborted) return;
  if (answer.delayMs === undefined) return reply();
  const timer = setTimeout(reply, answer.delayMs);
  gone.addEventListener('abort', () => clearTimeout(timer));
}
