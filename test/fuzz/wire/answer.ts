import type { Random } from '@inmesh/core';
import type { CallOptions } from '../../../packages/transports/src/testing/connection-scene.ts';
import { below, damage, pick } from '../mutations.ts';

/** What a server does to one connection: it sends these bytes in pieces, and hangs up. */
export interface Answer {
  readonly calls: readonly CallOptions[];
  readonly bytes: Buffer;
  /** Where the bytes are cut into pieces. */
  readonly cuts: readonly number[];
  /** Sends before it is asked. */
  readonly eager: boolean;
  /** Reads nothing of the request after its first bytes. */
  readonly deaf: boolean;
}

/** Makes answers: well-formed ones, odd ones, and bytes of either with damage. */
export interface AnswerMaker {
  make(): Answer;
  good(): Answer;
}

export function answerOf(random: Random, calls: readonly CallOptions[], bytes: Buffer, damaged: number): Answer {
  let sent = bytes;
  while (random() < damaged) sent = Buffer.from(damage(random, sent));
  const cuts = Array.from({ length: below(random, 4) }, () => below(random, sent.length + 1)).sort((a, b) => a - b);
  return { calls, bytes: sent, cuts, eager: random() < 0.03, deaf: random() < 0.1 };
}

export function wholeAnswer(calls: readonly CallOptions[], bytes: Buffer): Answer {
  return { calls, bytes, cuts: [], eager: false, deaf: false };
}

/** Something that a header's value may be, with what is no part of one among it. */
export function oddValue(random: Random): string {
  return pick(random, [
    '',
    '1',
    'text/plain',
    'a, b',
    ' x ',
    '\t',
    'x'.repeat(below(random, 300)),
    '\u0000',
    'a\rb',
    'ü',
    '-1',
    '9'.repeat(30),
  ]);
}

export function oddName(random: Random): string {
  return pick(random, [
    'x-a',
    'set-cookie',
    'Content-Type',
    'a b',
    '',
    'x:y',
    'host',
    'trailer',
    'date',
    'x_\u0001',
    'connection',
    'upgrade',
  ]);
}
