import type { ResourceInput } from '@inmesh/control-plane';
import { until } from '../../peers/support/until.ts';
import { listener, ROUTER, rdsManager, recordersOf, routeResource, standardResources } from '../feed.ts';
import { listenerPorts } from '../ports.ts';
import { Recorders } from '../recorders.ts';
import { judgeAsk } from '../run-case.ts';
import { sameFeed, Twin } from '../twin.ts';
import type { GeneratedCase } from './arbitrary.ts';
import { FAULT_FILTER } from './faults.ts';

/** Listeners, and so cases that are judged at once. */
export const BATCH = 60;

/** Cases whose requests are under way at once. */
const CONCURRENCY = 20;

/** An authority that no case has: its route says which version of the feed is in force. */
const VERSION_AUTHORITY = 'version.of.the.feed.invalid';

/** What came of a generated case. */
export interface CaseResult {
  readonly differences: readonly string[];
  /** What happened to each request where both agree. */
  readonly outcomes: readonly string[];
}

/** Judges many configurations with one Envoy: the listeners stay, and their routes change from batch to batch. */
export class Batches {
  readonly #twin: Twin;
  readonly #ports: readonly number[];
  readonly #fixed: readonly ResourceInput[];
  #version = 0;

  private constructor(twin: Twin, ports: readonly number[], fixed: readonly ResourceInput[]) {
    this.#twin = twin;
    this.#ports = ports;
    this.#fixed = fixed;
  }

  static async start(): Promise<Batches> {
    const recorders = new Recorders();
    const recorderPorts = await recorders.ports(recordersOf([]));
    const ports = await listenerPorts(BATCH);
    const fixed = [
      ...standardResources(recorderPorts),
      ...ports.map((port, index) =>
        listener(serviceOf(index), port, {
          ...rdsManager(serviceOf(index), '{}'),
          http_filters: [FAULT_FILTER, ROUTER],
        }),
      ),
    ];
    const twin = await Twin.start(sameFeed([...fixed, ...ports.map((_, index) => routes(index, null, 0))]), recorders);
    return new Batches(twin, ports, fixed);
  }

  /** Judges up to `BATCH` cases; the results are in their order. */
  async judge(cases: readonly GeneratedCase[]): Promise<CaseResult[]> {
    this.#version++;
    const taken = await this.#serve(cases);
    if (!taken) {
      if (cases.length === 1) return [await this.#refused()];
      // One of them was refused: which, only smaller batches show.
      const half = Math.ceil(cases.length / 2);
      return [...(await this.judge(cases.slice(0, half))), ...(await this.judge(cases.slice(half)))];
    }
    const results: CaseResult[] = [];
    let next = 0;
    const worker = async () => {
      for (let index = next++; index < cases.length; index = next++) {
        results[index] = await this.#judgeOne(index, cases[index] as GeneratedCase);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, worker));
    return results;
  }

  stop(): Promise<void> {
    return this.#twin.stop();
  }

  /** True once both route by the new configurations; false where either refused any. */
  async #serve(cases: readonly GeneratedCase[]): Promise<boolean> {
    const twin = this.#twin;
    const changed = this.#ports.map((_, index) => routes(index, cases[index] ?? null, this.#version));
    twin.update(sameFeed([...this.#fixed, ...changed]));
    // inmesh asks for routes when they are first called.
    if (this.#version === 1) await Promise.all(this.#ports.map((_, index) => this.#versionOf(index)));
    const refusals = await twin.acknowledged();
    if (refusals.envoy.length > 0 || refusals.inmesh.length > 0) return false;
    await Promise.all(
      cases.map((_, index) =>
        until(`both route by version ${this.#version}`, async () => {
          const [envoy, inmesh] = await this.#versionOf(index);
          return envoy === this.#version && inmesh === this.#version;
        }),
      ),
    );
    return true;
  }

  async #refused(): Promise<CaseResult> {
    const { envoy, inmesh } = await this.#twin.acknowledged();
    const differences =
      envoy.length > 0 && inmesh.length > 0
        ? []
        : [`the configuration: envoy ${envoy.join() || 'takes it'}, inmesh ${inmesh.join() || 'takes it'}`];
    return { differences, outcomes: ['refused'] };
  }

  async #versionOf(index: number): Promise<[envoy: number, inmesh: number]> {
    const sent = { method: 'GET', authority: VERSION_AUTHORITY, path: '/', headers: [], body: null };
    const { envoy, inmesh } = await this.#twin.ask(serviceOf(index), this.#ports[index] ?? 0, sent, []);
    return [Number(envoy.reply.body), Number(inmesh.reply.body)];
  }

  async #judgeOne(index: number, { asks }: GeneratedCase): Promise<CaseResult> {
    const differences: string[] = [];
    const outcomes: string[] = [];
    const place = { service: serviceOf(index), port: this.#ports[index] ?? 0 };
    for (const ask of asks) {
      const title = `${ask.method} ${ask.authority}${ask.path}`;
      try {
        const { outcome, differences: found } = await judgeAsk(this.#twin, place, ask);
        outcomes.push(outcome.replace(/ \(.*\)$/, ''));
        differences.push(...found.map((line) => `${title}: ${line}`));
      } catch (error) {
        differences.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    return { differences, outcomes };
  }
}

function serviceOf(index: number): string {
  return `generated-${index + 1}`;
}

function routes(index: number, generated: GeneratedCase | null, version: number): ResourceInput {
  const marker = {
    name: 'version',
    domains: [VERSION_AUTHORITY],
    routes: [{ match: { prefix: '/' }, direct_response: { status: 200, body: { inline_string: `${version}` } } }],
  };
  const { virtual_hosts: hosts = [], ...rest } = generated?.config ?? { virtual_hosts: [] };
  return routeResource(serviceOf(index), [marker, ...hosts], rest);
}
