import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { type Connection, type HttpProtocol, seededRandom, systemClock } from '@inmesh/core';
import { H1Connection } from '../../../packages/transports/src/connect/h1.ts';
import { H2Connection } from '../../../packages/transports/src/connect/h2/connection.ts';
import { callTo, clusterOf, endpointAt } from '../../../packages/transports/src/testing/connection-scene.ts';
import type { Answer, AnswerMaker } from './answer.ts';
import { BadServer } from './bad-server.ts';
import { Http1Answers } from './http1-answers.ts';
import { judgeHttp1 } from './http1-judge.ts';
import { Http2Answers } from './http2-answers.ts';
import { judgeHttp2 } from './http2-judge.ts';
import { ClosingOwner, Witness } from './witness.ts';

/** Connections at the same time: enough that one waits while another works. */
const LANES = 8;
/** After so many bad answers a good one must be taken. */
const GOOD_EVERY = 50;
/** Milliseconds after which a call that has not come to an end hangs: its server hangs up at once, so that seconds are for a busy machine. */
const HANGS_MS = 20_000;

export interface WireOutcomes {
  cases: number;
  /** Calls whose response was taken for whole. */
  taken: number;
  failed: number;
}

/** Lets a server say anything to a connection, and throws where a call hangs, ends twice, or takes for good what is not. */
export async function fuzzWire(
  protocol: HttpProtocol,
  cases: number,
  seed: number,
  look: (at: number) => Promise<void>,
): Promise<WireOutcomes> {
  const directory = mkdtempSync(join(tmpdir(), 'inmesh-fuzz-'));
  const random = seededRandom(seed);
  const maker = protocol === 'http1' ? new Http1Answers(random) : new Http2Answers(random);
  const outcomes: WireOutcomes = { cases: 0, taken: 0, failed: 0 };
  let at = 0;
  const servers = Array.from({ length: LANES }, (_, index) => new BadServer(join(directory, `${index}`)));
  const lane = async (server: BadServer, index: number) => {
    await server.listen();
    while (at < cases) {
      const number = at++;
      // Made in the order of their numbers, whatever lane is ready first: the same seed gives the same cases.
      await new Case(protocol, maker, number, outcomes).run(server);
      if (index === 0) await look(number);
    }
    await server.close();
  };
  try {
    await Promise.all(servers.map(lane));
  } finally {
    for (const server of servers) server.destroy();
    rmSync(directory, { recursive: true });
  }
  return outcomes;
}

class Case {
  readonly #protocol: HttpProtocol;
  readonly #number: number;
  readonly #answer: Answer;
  readonly #outcomes: WireOutcomes;
  readonly #good: boolean;

  constructor(protocol: HttpProtocol, maker: AnswerMaker, number: number, outcomes: WireOutcomes) {
    this.#protocol = protocol;
    this.#number = number;
    this.#good = number % GOOD_EVERY === 0;
    this.#answer = this.#good ? maker.good() : maker.make();
    this.#outcomes = outcomes;
  }

  async run(server: BadServer): Promise<void> {
    const { calls, bytes } = this.#answer;
    server.answer = this.#answer;
    const owner = new ClosingOwner();
    const connection = await this.#connect(server.path, owner);
    const witnesses = calls.map(({ method }) => new Witness(method ?? 'GET'));
    const over = this.#over(owner, witnesses);
    witnesses.forEach((witness, index) => {
      connection.dispatch(callTo(calls[index]), witness);
    });
    await over;
    // What comes late would be a second end.
    await setImmediate();
    try {
      witnesses.forEach((witness, index) => {
        this.#judge(witness, bytes, 2 * index + 1);
      });
      if (owner.closings !== 1) throw new Error(`the connection was closed ${owner.closings} times`);
    } catch (cause) {
      throw this.#failure((cause as Error).message, cause);
    }
    this.#outcomes.cases++;
  }

  async #connect(path: string, owner: ClosingOwner): Promise<Connection> {
    const socket = connect({ path });
    await once(socket, 'connect');
    const config = clusterOf();
    return this.#protocol === 'http1'
      ? new H1Connection(socket, endpointAt(1), config, owner)
      : new H2Connection(socket, endpointAt(1), config, owner, { clock: systemClock, random: () => 0.5 });
  }

  #over(owner: ClosingOwner, witnesses: readonly Witness[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const open = witnesses.filter(({ ends }) => ends === 0).length;
        reject(this.#failure(`${open} calls hang; the connection is ${owner.closings === 0 ? 'open' : 'closed'}`));
      }, HANGS_MS);
      const look = () => {
        if (owner.closings === 0 || witnesses.some(({ ends }) => ends === 0)) return;
        clearTimeout(timer);
        resolve();
      };
      owner.onOver = look;
      for (const witness of witnesses) witness.onOver = look;
    });
  }

  #judge({ ends, taken }: Witness, bytes: Buffer, stream: number): void {
    if (ends !== 1) throw new Error(`a call came to ${ends} ends`);
    if (taken === null) {
      if (this.#good) throw new Error('a good answer was not taken');
      this.#outcomes.failed++;
      return;
    }
    this.#outcomes.taken++;
    if (this.#protocol === 'http1') judgeHttp1(taken, bytes);
    else judgeHttp2(taken, bytes, stream);
  }

  #failure(what: string, cause?: unknown): Error {
    const { calls, bytes, eager, deaf } = this.#answer;
    const methods = calls.map(({ method, upgrade }) => upgrade ?? method ?? 'GET');
    const how = `${methods.join()}${eager ? ', eager' : ''}${deaf ? ', deaf' : ''}`;
    return new Error(
      `${this.#protocol} case ${this.#number}: ${what} (${how}): ${bytes.toString('base64').slice(0, 2_000)}`,
      { cause },
    );
  }
}
