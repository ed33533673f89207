import type { AdsStatus, ResourceStatus } from '@inmesh/xds';
import type { FeedArguments } from './feed-arguments.ts';
import { describeResource, shown } from './feed-text.ts';
import type { CommandIo } from './io.ts';

/** Prints what changes, a line for each resource, until it is stopped. */
export async function followFeed(
  io: CommandIo,
  { types, json }: FeedArguments,
  status: () => AdsStatus,
  first: AdsStatus,
  listen: (listener: () => void) => void,
): Promise<void> {
  const told = new Map(shown(first, types).map((each) => [keyOf(each), textOf(each)]));
  let waiting = false;
  const look = (): void => {
    waiting = false;
    const now = shown(status(), types);
    const gone = new Set(told.keys());
    for (const each of now) {
      const key = keyOf(each);
      gone.delete(key);
      const text = textOf(each);
      if (told.get(key) === text) continue;
      told.set(key, text);
      if (json) io.out(JSON.stringify(each));
      else for (const line of describeResource(each)) io.out(line);
    }
    for (const key of gone) {
      told.delete(key);
      const [kind = '', name = ''] = JSON.parse(key) as string[];
      io.out(json ? JSON.stringify({ kind, name, state: null }) : `${kind}  ${name}  is not asked for any more`);
    }
  };
  listen(() => {
    if (waiting) return;
    waiting = true;
    setImmediate(look);
  });
  look();
  await stopped(io.signal);
}

function keyOf({ kind, name }: ResourceStatus): string {
  return JSON.stringify([kind, name]);
}

/** Not the version: in the state of the world, that of all changes with each. */
function textOf({ state, error, updatedAt }: ResourceStatus): string {
  return JSON.stringify([state, error, updatedAt]);
}

/** Until SIGINT, SIGTERM or the signal given. */
function stopped(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    // The stream alone does not keep a process alive.
    const alive = setInterval(() => {}, 2 ** 30);
    const stop = (): void => {
      clearInterval(alive);
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
      resolve();
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted) stop();
  });
}
