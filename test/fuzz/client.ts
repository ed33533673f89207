import assert from 'node:assert/strict';
import {
  isMeshError,
  type Kind,
  type MeshError,
  type MessageStream,
  type Random,
  type StreamHandlers,
  type StreamTransport,
  VirtualClock,
} from '@inmesh/core';
import {
  AdsClient,
  type AdsVariant,
  type DecodeProfile,
  nameInFieldOne,
  newDecoding,
  type ResourceTypes,
  resourceTypes,
} from '@inmesh/xds';
import { kinds, names, type ResponseMaker, resourcesOf } from './responses.ts';

const typesOf = {
  envoy: resourceTypes(newDecoding()),
  grpc: resourceTypes(newDecoding({ profile: 'grpc' })),
};

/** What became of the responses. */
export interface Outcomes {
  /** Answered, with yes or no. */
  answered: number;
  /** It was no response: the stream was ended and opened again. */
  ended: number;
  /** A known type that was not asked for, or the end of a stream in the same turn. */
  ignored: number;
}

/** A client under fire: a server that says anything, and what must hold whatever it says. */
export class FuzzedClient implements StreamTransport {
  readonly outcomes: Outcomes = { answered: 0, ended: 0, ignored: 0 };
  readonly #variant: AdsVariant;
  readonly #types: ResourceTypes;
  readonly #clock: JumpyClock;
  readonly #client: AdsClient;
  /** By kind and name, what is in force; null for nothing. */
  readonly #inForce = new Map<string, unknown>();
  #handlers: StreamHandlers | null = null;
  #paused = false;
  #sent = 0;

  constructor(variant: AdsVariant, profile: DecodeProfile, random: Random) {
    const types = typesOf[profile];
    this.#types = types;
    this.#variant = variant;
    this.#clock = new JumpyClock(random);
    this.#client = new AdsClient({
      transport: this,
      serverUri: 'fuzz',
      node: { id: 'fuzz', cluster: '', metadata: {}, locality: { region: '', zone: '', subZone: '' } },
      userAgentVersion: '0',
      types,
      // Oddities of the server are told; a watcher or a decoder of ours that throws is a defect.
      onError: (error) => {
        if (!isMeshError(error)) throw error;
      },
      variant,
      clock: this.#clock,
      random,
    });
    for (const kind of kinds) for (const name of names) this.#watch(kind, name);
  }

  open(_path: string, _metadata: Readonly<Record<string, string>>, handlers: StreamHandlers): MessageStream {
    this.#handlers = handlers;
    this.#paused = false;
    return {
      send: () => {
        this.#sent++;
      },
      pause: () => {
        this.#paused = true;
      },
      resume: () => {
        this.#paused = false;
      },
      close: () => {
        if (this.#handlers === handlers) this.#handlers = null;
      },
    };
  }
  close(): void {}

  /** Delivers what may be anything; the last good state must stay unless the server took it away. */
  mutated(bytes: Uint8Array): void {
    this.#connect();
    const sent = this.#sent;
    this.#deliver(bytes);
    if (this.#handlers === null) this.outcomes.ended++;
    else if (this.#sent > sent) this.outcomes.answered++;
    else this.outcomes.ignored++;
    assert.ok(this.#sent - sent <= 1, 'a response has at most one answer');
  }

  /** Delivers a good response, which must be in force afterwards, whatever came before. */
  good(maker: ResponseMaker, kind: Kind): void {
    const bytes = maker.good(this.#variant, kind);
    this.#connect();
    this.#deliver(bytes);
    const context = { nodeId: '', controlPlane: '' };
    for (const { value } of resourcesOf(this.#variant, bytes)) {
      const name = nameInFieldOne(value);
      assert.deepEqual(this.#inForce.get(`${kind} ${name}`), this.#types[kind].decode(value, context).value);
    }
  }

  end(): void {
    this.#client.close();
  }

  #connect(): void {
    for (let waits = 0; this.#handlers === null; waits++) {
      assert.ok(waits < 100, 'a new stream is opened');
      this.#clock.advance(120_000 * 1.2);
    }
  }

  #deliver(bytes: Uint8Array): void {
    this.#handlers?.onMessage(bytes);
    for (let slices = 0; this.#paused && this.#handlers !== null; slices++) {
      assert.ok(slices < 100_000, 'the work comes to its end');
      this.#clock.advance(0);
    }
  }

  #watch(kind: Kind, name: string): void {
    const key = `${kind} ${name}`;
    this.#inForce.set(key, null);
    this.#client.watch(kind, name, {
      changed: (value) => {
        assert.ok(value !== null && typeof value === 'object');
        this.#inForce.set(key, value);
      },
      resourceError: (error) => this.#lost(key, kind, error),
      ambientError: () => {},
    });
  }

  /** Only a removal, or a time that the server set, takes away what is in force; a refusal never. */
  #lost(key: string, kind: Kind, error: MeshError): void {
    if (this.#inForce.get(key) !== null) {
      assert.notEqual(error.code, 'invalid_config', `${key} was lost to a refusal: ${error.message}`);
      const removable =
        this.#types[kind].fullState || this.#variant === 'delta' || error.message.includes('time to live');
      assert.ok(removable, `${key} was lost: ${error.message}`);
    }
    this.#inForce.set(key, null);
  }
}

/** Work takes time here, a random one, so that slices end anywhere. */
class JumpyClock extends VirtualClock {
  readonly #random: Random;
  #ahead = 0;
  constructor(random: Random) {
    super();
    this.#random = random;
  }
  override now(): number {
    this.#ahead += this.#random() < 0.2 ? 3 : 0;
    return super.now() + this.#ahead;
  }
}
