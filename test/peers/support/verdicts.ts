import type { JsonObject } from '@bufbuild/protobuf';
import {
  type ControlPlane,
  type ControlPlaneEvent,
  type ResourceInput,
  startControlPlane,
} from '@inmesh/control-plane';
import type { Kind } from '@inmesh/core';
import { type EdgeCase, type ListenerForm, resourceOf } from '../../conformance/validation/edge-case.ts';
import { TYPE_URL } from './feed.ts';
import { until } from './until.ts';

const KINDS = ['listener', 'routeConfiguration', 'cluster', 'clusterLoadAssignment'] as const;
type EdgeKind = (typeof KINDS)[number];

const TYPES: { readonly [K in EdgeKind]: string } = {
  listener: TYPE_URL.listener,
  routeConfiguration: TYPE_URL.route,
  cluster: TYPE_URL.cluster,
  clusterLoadAssignment: TYPE_URL.endpoints,
};

/** What a peer says to one resource after the other: a control plane that gives it a good feed in which one is replaced. */
export class Verdicts {
  readonly #plane: ControlPlane;
  readonly #form: ListenerForm;
  readonly #events: ControlPlaneEvent[];

  private constructor(plane: ControlPlane, form: ListenerForm, events: ControlPlaneEvent[]) {
    this.#plane = plane;
    this.#form = form;
    this.#events = events;
  }

  /** `form`: which listeners the peer reads. */
  static async start(form: ListenerForm): Promise<Verdicts> {
    const events: ControlPlaneEvent[] = [];
    const plane = await startControlPlane({ resources: feed(form, null), onEvent: (event) => events.push(event) });
    return new Verdicts(plane, form, events);
  }

  get port(): number {
    return Number(this.#plane.address.split(':').at(-1));
  }

  /** The good feed is taken, all of it. */
  async ready(): Promise<void> {
    for (const kind of KINDS) await this.#answer(kind, 0);
  }

  /** The reason of the peer's NACK; null for its ACK. Afterwards the good feed is in force again. */
  async of(edge: Pick<EdgeCase, 'kind' | 'fields' | 'part'>): Promise<string | null> {
    const kind = edge.kind as EdgeKind;
    const verdict = await this.#send(kind, feed(this.#form, edge));
    const restored = await this.#send(kind, feed(this.#form, null));
    if (restored !== null) throw new Error(`the good ${kind} was refused: ${restored}`);
    return verdict;
  }

  close(): Promise<void> {
    return this.#plane.close();
  }

  /** A resource that is as before is not sent, and was accepted. */
  async #send(kind: EdgeKind, resources: readonly ResourceInput[]): Promise<string | null> {
    const before = this.#plane.status().types[TYPES[kind]]?.version;
    const from = this.#events.length;
    this.#plane.update(resources);
    const after = this.#plane.status().types[TYPES[kind]]?.version;
    return before === after ? null : this.#answer(kind, from, after);
  }

  #answer(kind: EdgeKind, from: number, version?: string): Promise<string | null> {
    const found = () => {
      for (const event of this.#events.slice(from)) {
        if (event.type !== 'ack' && event.type !== 'nack') continue;
        if (event.typeUrl !== TYPES[kind] || (version !== undefined && event.version !== version)) continue;
        return { reason: event.type === 'nack' ? event.message : null };
      }
      return null;
    };
    return until(`a verdict on a ${kind}`, found).then(({ reason }) => reason);
  }
}

function feed(form: ListenerForm, edge: Pick<EdgeCase, 'kind' | 'fields' | 'part'> | null): ResourceInput[] {
  return KINDS.map((kind): ResourceInput => {
    const replaced = edge !== null && edge.kind === kind ? edge : { kind: kind as Kind, fields: {} as JsonObject };
    return { '@type': TYPES[kind], ...resourceOf(replaced, form) } as ResourceInput;
  });
}
