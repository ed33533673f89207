import { type AuthorityEntry, type Call, type Clock, MeshError, type MeshErrorPlace } from '@inmesh/core';
import type { JoinedAuthority } from '@inmesh/xds';
import type { MeshListeners } from './listeners.ts';

export interface ReadyOptions {
  /** Milliseconds to wait. Default 20,000, as long as a call would be held: the feed's verdict that there is no such service comes 15 s after the connection is up. */
  readonly within?: number;
  readonly signal?: AbortSignal;
  /** URLs of services that must be known, beside those given to `createMesh`. */
  readonly services?: readonly string[];
}

type Wildcard = NonNullable<MeshListeners['wildcard']>;

export interface ReadyParts {
  /** Services that must be known: that there is none of them is a failure. */
  readonly named: readonly JoinedAuthority[];
  /** All that is followed. */
  readonly followed: Iterable<JoinedAuthority>;
  /** The listeners as a whole; null where they are asked for by name. */
  readonly wildcard: Wildcard | null;
  readonly clock: Clock;
  readonly within: number;
  readonly signal: AbortSignal | undefined;
  /** Who and where, for errors. */
  readonly place: MeshErrorPlace;
}

/** Resolves once all is known of what is named and what is in use; rejects with a MeshError that names what is missing. */
export async function whenReady(parts: ReadyParts): Promise<void> {
  const { named, followed, wildcard, clock, within, signal, place } = parts;
  // Of the others in use it is an answer, too, that the feed does not know them: their calls pass through.
  const entries = new Set([...named, ...[...followed].filter(isInUse)]);
  await new Promise<void>((resolve, reject) => {
    const cleanup: (() => void)[] = [];
    let over = false;
    const settle = (error: unknown) => {
      over = true;
      for (const each of cleanup) each();
      if (error === null) resolve();
      else reject(error);
    };
    const check = () => {
      // What the control plane has is not known before it has told all its listeners.
      if (wildcard?.settled === false) return;
      for (const entry of entries) {
        if (entry.error === null || (entry.presumed && named.includes(entry))) continue;
        if (!entry.absent || named.includes(entry)) return settle(entry.error);
        entries.delete(entry);
      }
      if ([...entries].every(isWhole)) return settle(null);
    };
    const follow = (entry: AuthorityEntry) => {
      if (over || isWhole(entry)) return;
      const forget = entry.whenSettled(() => {
        check();
        follow(entry);
      });
      cleanup.push(forget);
    };
    const timer = clock.setTimer(within, () => {
      const missing = [...entries].filter((entry) => !isWhole(entry)).map(({ authority }) => authority);
      if (wildcard?.settled === false) missing.push('the listeners of the control plane');
      settle(
        new MeshError('config_timeout', `not ready within ${within} ms: not all is known of ${missing.join(', ')}`, {
          ...place,
        }),
      );
    });
    const aborted = () => settle(signal?.reason);
    signal?.addEventListener('abort', aborted, { once: true });
    cleanup.push(
      () => timer.cancel(),
      () => signal?.removeEventListener('abort', aborted),
      ...(wildcard === null ? [] : [wildcard.whenSettled(check)]),
    );
    for (const entry of entries) follow(entry);
    check();
  });
}

/** Resolves once all is known of the authority and of what a call to it asks for, or the time is over. */
export function whenKnown(entry: JoinedAuthority, call: Call, clock: Clock, within: number): Promise<void> {
  return new Promise((resolve) => {
    let forget = () => {};
    const timer = clock.setTimer(within, () => {
      forget();
      resolve();
    });
    const look = () => {
      const { table } = entry;
      const awaited = table === null || table.pending || table.awaits(call);
      if ((entry.error === null || entry.presumed) && awaited) {
        forget = entry.whenSettled(look);
        return;
      }
      timer.cancel();
      resolve();
    };
    look();
  });
}

/** Waits until all listeners were told, where they are told as a whole. */
export async function whenTold(wildcard: Wildcard | null, clock: Clock, within: number): Promise<void> {
  if (wildcard === null || wildcard.settled) return;
  await new Promise<void>((resolve) => {
    const timer = clock.setTimer(within, () => {
      forget();
      resolve();
    });
    const forget = wildcard.whenSettled(() => {
      timer.cancel();
      resolve();
    });
  });
}

function isInUse({ absent, called, prefetched }: JoinedAuthority): boolean {
  return !absent && (called || !prefetched);
}

/** True once the feed has told everything about the routes in force. */
function isWhole({ table }: AuthorityEntry): boolean {
  return table !== null && !table.pending;
}
