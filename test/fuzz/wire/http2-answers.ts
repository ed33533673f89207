import { BytesBody, type Random } from '@inmesh/core';
import type { CallOptions } from '../../../packages/transports/src/testing/connection-scene.ts';
import {
  data,
  END_STREAM,
  FRAME,
  frame,
  goaway,
  headers,
  rstStream,
  settings,
} from '../../../packages/transports/src/testing/h2-frames.ts';
import { below, pick } from '../mutations.ts';
import { type Answer, type AnswerMaker, answerOf, oddName, oddValue, wholeAnswer } from './answer.ts';

/** Share of the answers whose bytes are damaged once more, after each time; the others are wrong in their frames only. */
const DAMAGED = 0.35;

/** HTTP/2 as servers speak it, and as they should not. */
export class Http2Answers implements AnswerMaker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  good(): Answer {
    const bytes = [settings(), frame(FRAME.settings, 1, 0), headers(1, [':status', '200']), data(1, 'ok', END_STREAM)];
    return wholeAnswer([{}], Buffer.concat(bytes));
  }

  make(): Answer {
    const random = this.#random;
    const calls = Array.from({ length: 1 + below(random, 3) }, () => this.#call());
    let frames = [settings(...this.#limits()), frame(FRAME.settings, 1, 0)];
    calls.forEach((_, index) => {
      frames.push(...this.#response(2 * index + 1));
    });
    for (let changes = below(random, 4); changes > 0; changes--) frames = this.#changed(frames, calls.length);
    return answerOf(random, calls, Buffer.concat(frames), DAMAGED);
  }

  #call(): CallOptions {
    const random = this.#random;
    const method = pick(random, ['GET', 'GET', 'HEAD', 'POST']);
    const body = method === 'POST' ? new BytesBody(Buffer.alloc(below(random, 100_000))) : null;
    return { method, body, upgrade: method === 'GET' && random() < 0.03 ? 'websocket' : null };
  }

  #limits(): [number, number][] {
    const random = this.#random;
    const odd = () => pick(random, [0, 1, 100, 16_384, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
    return random() < 0.7 ? [] : Array.from({ length: below(random, 4) }, () => [below(random, 10), odd()]);
  }

  #response(stream: number): Buffer[] {
    const random = this.#random;
    const body = 'b'.repeat(below(random, 300));
    const frames: Buffer[] = [];
    if (random() < 0.2) frames.push(headers(stream, [':status', pick(random, ['100', '103', '101'])]));
    const list = [':status', random() < 0.8 ? '200' : pick(random, ['204', '304', '404', '99', '1000', 'x', ''])];
    for (let count = below(random, 4); count > 0; count--) {
      list.push(...(random() < 0.85 ? [`x-h${count}`, `${count}`] : [oddName(random), oddValue(random)]));
    }
    if (random() < 0.3)
      list.push('content-length', `${random() < 0.7 ? body.length : body.length + below(random, 5) - 2}`);
    if (random() < 0.02) list.push('x-long', 'x'.repeat(15_000), 'x-more', 'x'.repeat(below(random, 900)));
    if (body === '') return [...frames, headers(stream, list, END_STREAM)];
    const trailers = random() < 0.3;
    frames.push(headers(stream, list));
    const at = below(random, body.length + 1);
    frames.push(data(stream, body.slice(0, at)), this.#padded(stream, body.slice(at), trailers ? 0 : END_STREAM));
    if (trailers) frames.push(headers(stream, ['x-sum', '1'], END_STREAM));
    return frames;
  }

  #padded(stream: number, text: string, flags: number): Buffer {
    if (this.#random() < 0.8) return data(stream, text, flags);
    const padding = below(this.#random, 20);
    const payload = Buffer.concat([Buffer.from([padding]), Buffer.from(text), Buffer.alloc(padding)]);
    return frame(FRAME.data, flags | 8, stream, payload);
  }

  #changed(frames: Buffer[], streams: number): Buffer[] {
    const random = this.#random;
    const at = below(random, frames.length + 1);
    const there = frames[Math.min(at, frames.length - 1)] ?? Buffer.alloc(9);
    switch (below(random, 7)) {
      case 0:
        return frames.filter((_, index) => index !== at);
      case 1:
        return frames.toSpliced(at, 0, there);
      case 2:
        return frames.toSpliced(at, 1, ...frames.slice(at + 1, at + 2), there);
      case 3: {
        // Another type, other flags or another stream than it had.
        const copy = Buffer.from(there);
        copy[pick(random, [3, 4, 8])] = below(random, 16);
        return frames.toSpliced(at, 1, copy);
      }
      default:
        return frames.toSpliced(at, 0, this.#odd(2 * below(random, streams + 1) + 1));
    }
  }

  #odd(stream: number): Buffer {
    const random = this.#random;
    switch (below(random, 10)) {
      case 0:
        return rstStream(stream, below(random, 16));
      case 1:
        return goaway(pick(random, [0, 1, 3, 2 ** 31 - 1]), below(random, 15));
      case 2:
        return frame(FRAME.ping, below(random, 2), 0, Buffer.alloc(random() < 0.9 ? 8 : below(random, 20)));
      case 3:
        return frame(
          FRAME.windowUpdate,
          0,
          pick(random, [0, stream]),
          Buffer.from([pick(random, [0, 0x7f]), 255, 255, below(random, 256)]),
        );
      case 4:
        return frame(FRAME.pushPromise, 4, stream, Buffer.from([0, 0, 0, 2, 0x82, 0x84, 0x86]));
      case 5:
        return frame(
          FRAME.headers,
          below(random, 64),
          stream,
          Buffer.from(Array.from({ length: below(random, 30) }, () => below(random, 256))),
        );
      case 6:
        return frame(FRAME.continuation, below(random, 8), stream, Buffer.alloc(below(random, 30)));
      case 7:
        return settings(...this.#limits());
      case 8:
        return frame(
          below(random, 32),
          below(random, 256),
          pick(random, [0, stream, 2]),
          Buffer.alloc(below(random, 40)),
        );
      default:
        return data(stream, 'more', below(random, 2));
    }
  }
}
