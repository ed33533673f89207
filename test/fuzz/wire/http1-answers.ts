import { BytesBody, type Random } from '@inmesh/core';
import { below, pick } from '../mutations.ts';
import { type Answer, type AnswerMaker, answerOf, oddName, oddValue, wholeAnswer } from './answer.ts';

/** Share of the answers that are damaged once more, after each time. */
const DAMAGED = 0.5;

/** HTTP/1 as servers write it, and as they should not. */
export class Http1Answers implements AnswerMaker {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  good(): Answer {
    return wholeAnswer([{}], Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
  }

  make(): Answer {
    const random = this.#random;
    const method = pick(random, ['GET', 'HEAD', 'POST']);
    const body = method === 'POST' ? new BytesBody(Buffer.alloc(below(random, 5_000))) : null;
    const upgrade = method === 'GET' && random() < 0.05 ? 'websocket' : null;
    const parts: string[] = [];
    for (let informational = below(random, 6) - 3; informational > 0; informational--) {
      parts.push(this.#head(pick(random, ['100 Continue', '103 Early Hints', '102 ', '199 x'])), '\r\n');
    }
    parts.push(
      this.#head(
        pick(random, ['200 OK', '204 No', '304 x', '404 ', '500', '101 Switching', '0 x', '99999 x', '600 x']),
      ),
    );
    parts.push(...this.#framed());
    if (random() < 0.1) parts.push(...this.#framed());
    return answerOf(random, [{ method, body, upgrade }], Buffer.from(parts.join(''), 'latin1'), DAMAGED);
  }

  #head(status: string): string {
    const random = this.#random;
    const version =
      random() < 0.9 ? 'HTTP/1.1' : pick(random, ['HTTP/1.0', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'ICY', '']);
    const lines = [`${version} ${status}`];
    for (let count = below(random, 5); count > 0; count--) {
      lines.push(random() < 0.8 ? `x-h${count}: ${count}` : `${oddName(random)}: ${oddValue(random)}`);
    }
    if (random() < 0.05) lines.push(' folded');
    if (random() < 0.02) lines.push(`x-long: ${'x'.repeat(70_000)}`);
    if (random() < 0.1)
      lines.push(
        pick(random, [
          'connection: close',
          'connection: keep-alive',
          'keep-alive: timeout=1',
          'connection: upgrade\r\nupgrade: websocket',
        ]),
      );
    return `${lines.join(random() < 0.97 ? '\r\n' : '\n')}\r\n`;
  }

  /** How long the body is, and a body that is as long, or not. */
  #framed(): string[] {
    const random = this.#random;
    const body = 'b'.repeat(below(random, 200));
    switch (below(random, 8)) {
      case 0:
        return ['\r\n', body];
      case 1:
        return [`content-length: ${body.length + below(random, 9) - 4}\r\n\r\n`, body];
      case 2:
        return [`content-length: ${body.length}\r\ncontent-length: ${pick(random, [body.length, 3])}\r\n\r\n`, body];
      case 3:
        return [`transfer-encoding: chunked\r\ncontent-length: ${body.length}\r\n\r\n`, this.#chunked(body)];
      case 4:
        return [
          `transfer-encoding: ${pick(random, ['gzip', 'chunked, gzip', 'xchunked', 'gzip, chunked'])}\r\n\r\n`,
          this.#chunked(body),
        ];
      case 5:
      case 6:
        return ['transfer-encoding: chunked\r\n\r\n', this.#chunked(body)];
      default:
        return [`content-length: ${body.length}\r\n\r\n`, body];
    }
  }

  #chunked(body: string): string {
    const random = this.#random;
    const at = below(random, body.length + 1);
    const chunks = [body.slice(0, at), body.slice(at)].filter((chunk) => chunk !== '');
    const parts = chunks.map((chunk) => {
      const length = random() < 0.95 ? chunk.length : chunk.length + below(random, 5) - 2;
      return `${length.toString(16)}${random() < 0.1 ? ';ext="x"' : ''}\r\n${chunk}\r\n`;
    });
    if (random() < 0.95) parts.push(random() < 0.8 ? '0\r\n\r\n' : `0\r\nx-trailer: ${oddValue(random)}\r\n\r\n`);
    return parts.join('');
  }
}
