import type { MeshError } from '../errors.ts';
import type { Clock } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { Random } from '../util/random.ts';
import type { PooledConnection } from './pooled-connection.ts';

/** Milliseconds after which no call is begun on a connection that was made with older certificates. Spread over it, so that not all hosts are asked for a handshake at once. */
const NO_NEW_CALLS_MS = 60_000;
/** Milliseconds after which what is left of them is cut: longer than the timeout of any ordinary call; Envoy would let them live for ever. */
const CUT_MS = 3_600_000;

export interface RotationParts {
  readonly clock: Clock;
  readonly random: Random;
  /** What calls are told that are cut. */
  readonly error: MeshError;
}

/** Lets connections go that were made with certificates which are in force no more: idle ones first, one after the other. */
export function letGo(connections: readonly PooledConnection[], parts: RotationParts): void {
  const old = [...connections].sort((a, b) => a.active - b.active);
  const { clock } = parts;
  const step = NO_NEW_CALLS_MS / old.length;
  const began = clock.now();
  const at = (index: number) => (index + parts.random()) * step;
  const next = (index: number): void => {
    if (index === old.length) {
      cutLater(
        old.filter(({ over }) => !over),
        CUT_MS - (clock.now() - began),
        parts,
      );
      return;
    }
    const wait = Math.max(0, at(index) - (clock.now() - began));
    later(clock, wait, () => {
      old[index]?.retire();
      next(index + 1);
    });
  };
  next(0);
}

function cutLater(left: readonly PooledConnection[], ms: number, { clock, error }: RotationParts): void {
  if (left.length === 0) return;
  later(clock, ms, () => {
    for (const { over, connection } of left) if (!over) connection?.destroy(error);
  });
}

function later(clock: Clock, ms: number, callback: () => void): void {
  outsideContext(() => clock.setTimer(ms, callback, { unref: true }));
}
