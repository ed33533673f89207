import type { ResourceInput } from '@inmesh/control-plane';
import { parse } from 'yaml';
import { cluster, endpoints } from '../../peers/support/feed.ts';
import { listener, rdsManager, routeResource } from '../feed.ts';
import type { Step } from './dialogue.ts';

/** What a dialogue has told so far: the feed as a whole, changed step by step. */
export class DialogueFeed {
  readonly service: string;
  readonly port: number;
  #routes = '[]';
  #manager: string | null = '{}';
  readonly #clusters = new Map<string, string>();
  readonly #endpoints = new Map<string, readonly string[]>();

  constructor(service: string, port: number) {
    this.service = service;
    this.port = port;
  }

  /** The next state. This one stays as it is, so that what was refused can be taken back. */
  after(step: Step): DialogueFeed {
    const next = new DialogueFeed(this.service, this.port);
    next.#routes = step.routes ?? this.#routes;
    next.#manager = step.manager === undefined ? this.#manager : step.manager;
    for (const [name, fields] of this.#clusters) next.#clusters.set(name, fields);
    for (const [name, behind] of this.#endpoints) next.#endpoints.set(name, behind);
    for (const [name, behind] of Object.entries(step.clusters ?? {})) {
      if (behind === null) next.#clusters.delete(name);
      else if (!next.#clusters.has(name)) next.#clusters.set(name, '{}');
    }
    for (const [name, behind] of Object.entries({ ...step.clusters, ...step.endpoints })) {
      if (behind === null) next.#endpoints.delete(name);
      else next.#endpoints.set(name, behind);
    }
    for (const [name, fields] of Object.entries(step.fields ?? {})) next.#clusters.set(name, fields);
    return next;
  }

  get listens(): boolean {
    return this.#manager !== null;
  }

  resources(ports: ReadonlyMap<string, number>): ResourceInput[] {
    const { service, port } = this;
    const own = (text: string) => text.replace(/\b[A-D]\b/g, (name) => `${service}-${name}`);
    const hosts = parse(own(this.#routes), { merge: true }) as unknown[];
    const clusters = [...this.#clusters].flatMap(([name, fields]) =>
      cluster(own(name), [], parse(fields) as Record<string, unknown>).slice(0, 1),
    );
    const assignments = [...this.#endpoints].map(([name, behind]) =>
      endpoints(
        own(name),
        behind.map((each) => ports.get(each) ?? 0),
      ),
    );
    const manager = this.#manager === null ? [] : [listener(service, port, rdsManager(service, this.#manager))];
    return [...manager, routeResource(service, hosts), ...clusters, ...assignments];
  }
}
