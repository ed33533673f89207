import { connect } from 'node:net';
import { until } from '../../peers/support/until.ts';
import { listenerPorts } from '../ports.ts';
import { parseRequestLine } from '../request-line.ts';
import { judgeAsk, problemsOf, type Verdict } from '../run-case.ts';
import { type Refusals, sameFeed, Twin } from '../twin.ts';
import { Recorders } from '../upstream/recorders.ts';
import type { UpstreamKind } from '../upstream/upstream.ts';
import type { Dialogue, Step } from './dialogue.ts';
import { DialogueFeed } from './dialogue-feed.ts';

/** Recorders that dialogues may name as endpoints. */
const RECORDERS = ['one', 'two', 'three', 'refused'];

/** Milliseconds in which Envoy's connection to a listener that was taken away must be refused. */
const CLOSING_MS = 5_000;

/** Leads all dialogues, one after the other, with one Envoy. */
export async function runDialogues(dialogues: readonly Dialogue[], kind: UpstreamKind): Promise<Verdict[]> {
  if (dialogues.length === 0) return [];
  const recorders = await Recorders.create(kind);
  const recorderPorts = await recorders.ports(RECORDERS);
  const ports = await listenerPorts(dialogues.length);
  const twin = await Twin.start(sameFeed([]), recorders);
  const verdicts: Verdict[] = [];
  try {
    for (const [index, dialogue] of dialogues.entries()) {
      const feed = new DialogueFeed(`dialogue-${index + 1}`, ports[index] ?? 0);
      const problems = await new Conversation(twin, recorderPorts, feed).lead(dialogue);
      const { name, pending } = dialogue;
      verdicts.push({
        area: 'dialogues',
        definition: { name, requests: [], ...(pending === undefined ? {} : { pending }) },
        problems,
      });
    }
  } finally {
    await twin.stop();
  }
  return verdicts;
}

class Conversation {
  readonly #twin: Twin;
  readonly #ports: ReadonlyMap<string, number>;
  #feed: DialogueFeed;

  constructor(twin: Twin, ports: ReadonlyMap<string, number>, feed: DialogueFeed) {
    this.#twin = twin;
    this.#ports = ports;
    this.#feed = feed;
  }

  async lead({ steps }: Dialogue): Promise<string[]> {
    const problems: string[] = [];
    try {
      for (const [index, step] of steps.entries()) {
        const found = await this.#step(step, index === 0);
        problems.push(...found.map((line) => `step ${index + 1}: ${line}`));
      }
    } catch (error) {
      problems.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    return problems;
  }

  async #step(step: Step, first: boolean): Promise<string[]> {
    const problems: string[] = [];
    const gate = Promise.withResolvers<void>();
    const during = step.during === undefined ? null : await this.#begin(step.during, gate.promise);
    const before = this.#feed;
    const refusals = await this.#tell(before.after(step), first);
    if (step.refused) {
      for (const side of ['envoy', 'inmesh'] as const) {
        if (refusals[side].length === 0) problems.push(`${side} takes what it should refuse`);
      }
    } else {
      for (const side of ['envoy', 'inmesh'] as const) {
        problems.push(...refusals[side].map((message) => `${side} refuses: ${message.slice(0, 500)}`));
      }
    }
    if (this.#feed.listens) problems.push(...(await this.#ask(step.asks ?? [])));
    else problems.push(...(await this.#gone()));
    gate.resolve();
    if (during !== null) problems.push(...(await during()));
    // What was refused is taken back, so that the next step starts from what is in force.
    if (step.refused) await this.#tell(before, false);
    return problems;
  }

  /** Changes the feed, and waits until both have answered for it. */
  async #tell(feed: DialogueFeed, first: boolean): Promise<Refusals> {
    const twin = this.#twin;
    this.#feed = feed;
    twin.update(sameFeed(feed.resources(this.#ports)));
    // inmesh asks by name: for this listener from its first call on.
    if (first) await twin.mesh.explain(`http://${feed.service}`);
    return twin.acknowledged();
  }

  async #ask(lines: readonly string[]): Promise<string[]> {
    const problems: string[] = [];
    for (const line of lines) {
      const ask = { ...parseRequestLine(line), answer: [] };
      const { differences } = await judgeAsk(this.#twin, this.#feed, ask);
      problems.push(...differences.map((each) => `${line}\n        ${each}`));
    }
    return problems;
  }

  /** Envoy listens no more; inmesh, whose callers need no listener, answers 404 ("A listener that was taken away"). */
  async #gone(): Promise<string[]> {
    const { service, port } = this.#feed;
    const sent = { method: 'GET', authority: 'shop', path: '/', headers: [], body: null };
    const open = await until('Envoy closes the listener', () => isClosed(port), { within: CLOSING_MS }).then(
      () => [],
      () => ['envoy still listens'],
    );
    const { reply, flags } = await this.#twin.askMesh(service, sent, []);
    return reply.status === 404 && flags === 'NR' ? open : [...open, `inmesh: ${reply.status} ${flags}, not 404 NR`];
  }

  /** A call that is under way at a recorder on both sides; the result waits for its end. */
  async #begin(line: string, gate: Promise<void>): Promise<() => Promise<string[]>> {
    const parsed = parseRequestLine(line);
    const { method, authority, path, headers } = parsed;
    const { service, port } = this.#feed;
    const arrived = this.#twin.recorders.arrived;
    const call = this.#twin.ask(service, port, { method, authority, path, headers, body: null }, [{ gate }]);
    await until('the call has arrived from both', () => this.#twin.recorders.arrived >= arrived + 2);
    return async () => problemsOf(parsed.expected, await call).map((each) => `${line}, under way: ${each}`);
  }
}

function isClosed(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(false);
    });
    socket.on('error', () => resolve(true));
  });
}
