import { isIP } from 'node:net';
import type { Address, Clock, ConnectError, HappyEyeballs } from '@inmesh/core';
import type { Cancel, Opened } from './dial.ts';

/** Milliseconds that one address has before the next one is tried beside it, as Envoy's; RFC 8305, section 5, recommends 250. */
export const NEXT_ATTEMPT_MS = 300;

const DEFAULT: HappyEyeballs = { firstFamily: null, firstFamilyCount: 1 };

/**
 * Addresses in the order in which they are tried: the families take turns, after as many of the first one as the feed
 * wants; within a family the feed's order stays. (RFC 8305, section 4)
 */
export function inTurns(
  addresses: readonly Address[],
  { firstFamily, firstFamilyCount }: HappyEyeballs = DEFAULT,
): Address[] {
  const [head] = addresses;
  if (head === undefined) return [];
  const first = firstFamily === null ? familyOf(head) : firstFamily === 'v4' ? 4 : 6;
  const ours = addresses.filter((address) => familyOf(address) === first);
  const others = addresses.filter((address) => familyOf(address) !== first);
  const order = ours.splice(0, firstFamilyCount);
  while (others.length > 0 || ours.length > 0) order.push(...others.splice(0, 1), ...ours.splice(0, 1));
  return order;
}

function familyOf(address: Address): number {
  return address.kind === 'socket' ? isIP(address.host) : 0;
}

/**
 * Tries addresses until the first is through: the next one starts when the one before has failed, or after `NEXT_ATTEMPT_MS`
 * beside it. The first to be ready wins and the others are given up; the last failure is told where all fail.
 */
export function race(
  addresses: readonly Address[],
  clock: Clock,
  attempt: (address: Address, opened: Opened) => Cancel,
  opened: Opened,
): Cancel {
  const running = new Map<Address, Cancel>();
  let next = 0;
  let timer: { cancel(): void } | null = null;
  const stop = () => {
    timer?.cancel();
    for (const cancel of running.values()) cancel();
    running.clear();
  };
  const start = () => {
    timer?.cancel();
    timer = null;
    const address = addresses[next++];
    if (address === undefined) return;
    running.set(
      address,
      attempt(address, (error, socket) => {
        running.delete(address);
        if (socket !== null) {
          stop();
          opened(null, socket);
          return;
        }
        if (next < addresses.length) start();
        else if (running.size === 0) opened(error as ConnectError, null);
      }),
    );
    if (next < addresses.length) timer = clock.setTimer(NEXT_ATTEMPT_MS, start);
  };
  start();
  return stop;
}
