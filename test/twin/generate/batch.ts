import type { ResourceInput } from '@inmesh/control-plane';
import { until } from '../../peers/support/until.ts';
import { listener, ROUTER, rdsManager, recordersOf, routeResource, standardResources } from '../feed.ts';
import { listenerPorts } from '../ports.ts';
import { judgeAsk } from '../run-case.ts';
import { sameFeed, Twin } from '../twin.ts';
import { Recorders } from '../upstream/recorders.ts';
import type { UpstreamKind } from '../upstream/upstream.ts';
import type { GeneratedCase } from './arbitrary.ts';
import { FILTERS } from './filters.ts';

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

/**
 * Judges many configurations with one Envoy: from batch to batch the routes of its listeners change, and, where cases want another
 * connection manager, the listeners.
 */
export class Batches {
  readonly #twin: Twin;
  readonly #ports: readonly number[];
  readonly #clusters: readonly ResourceInput[];
  readonly #places: readonly Place[];
  #version = 0;

  private constructor(twin: Twin, ports: readonly number[], clusters: readonly ResourceInput[], places: Place[]) {
    this.#twin = twin;
    this.#ports = ports;
    this.#clusters = clusters;
    this.#places = places;
  }

  static async start(kind: UpstreamKind): Promise<Batches> {
    const recorders = await Recorders.create(kind);
    const recorderPorts = await recorders.ports(recordersOf([]));
    const ports = await listenerPorts(BATCH);
    const clusters = standardResources(recorderPorts);
    const places = ports.map((port, index) => new Place(serviceOf(index), port));
    const feed = [
      ...clusters,
      ...places.map((each) => each.listener),
      ...ports.map((_, index) => routes(index, null, 0)),
    ];
    return new Batches(await Twin.start(sameFeed(feed), recorders), ports, clusters, places);
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
    for (const [index, { manager }] of cases.entries()) this.#places[index]?.use(manager);
    twin.update(sameFeed([...this.#clusters, ...this.#places.map((each) => each.listener), ...changed]));
    // inmesh asks for routes when they are first called.
    if (this.#version === 1) await Promise.all(this.#ports.map((_, index) => this.#versionOf(index)));
    const refusals = await twin.acknowledged();
    if (refusals.envoy.length > 0 || refusals.inmesh.length > 0) return false;
    await until(`both route by version ${this.#version}`, async () => {
      // A connection stays with the connection manager that took it.
      twin.renewConnections();
      const inForce = await Promise.all(cases.map((_, index) => this.#isInForce(index)));
      return inForce.every((each) => each);
    });
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

  async #isInForce(index: number): Promise<boolean> {
    const { envoy, inmesh, manager } = await this.#versionOf(index);
    return envoy === this.#version && inmesh === this.#version && manager === this.#places[index]?.revision;
  }

  async #versionOf(index: number): Promise<{ envoy: number; inmesh: number; manager: number }> {
    const sent = { method: 'GET', authority: VERSION_AUTHORITY, path: '/', headers: [], body: null };
    const { envoy, inmesh } = await this.#twin.ask(serviceOf(index), this.#ports[index] ?? 0, sent, []);
    const server = envoy.reply.headers.find(([name]) => name === 'server')?.[1];
    return { envoy: Number(envoy.reply.body), inmesh: Number(inmesh.reply.body), manager: Number(server) };
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

/** A listener, whose connection manager is another from case to case. */
class Place {
  revision = 0;
  readonly #name: string;
  readonly #port: number;
  #manager = '{}';
  #listener: ResourceInput;

  constructor(name: string, port: number) {
    this.#name = name;
    this.#port = port;
    this.#listener = this.#make();
  }

  get listener(): ResourceInput {
    return this.#listener;
  }

  /** Takes these fields; one that has them already stays as it is. */
  use(manager: object): void {
    const text = JSON.stringify(manager);
    if (text === this.#manager) return;
    this.#manager = text;
    this.revision++;
    this.#listener = this.#make();
  }

  /** `server` of its answers tells which it is. */
  #make(): ResourceInput {
    return listener(this.#name, this.#port, {
      ...rdsManager(this.#name, this.#manager),
      http_filters: [...FILTERS, ROUTER],
      server_name: `${this.revision}`,
    });
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
