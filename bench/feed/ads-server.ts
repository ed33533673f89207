import { fromBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { DiscoveryRequest } from '@inmesh/api/gen/envoy/service/discovery/v3/discovery_pb';
import { type GrpcServerStream, grpcCode, grpcServer } from '@inmesh/transports/rpc';
import { argument, endWithParent, tellParent } from '../processes.ts';
import {
  endpointsUrl,
  type Fields,
  fewEndpoints,
  manyEndpoints,
  namedFeed,
  type Place,
  response,
  sidecarFeed,
} from './resources.ts';

export interface AdsServerOptions {
  readonly layout: 'sidecar' | 'named';
  readonly services: number;
  /** Endpoints of each service. */
  readonly places: readonly Place[];
  /** Endpoints of the first service instead; 0 for those of all. */
  readonly many: number;
}

/** What the parent may ask for; each is answered when it is done. */
export type AdsQuestion =
  /** All that was asked for so far was sent and accepted. */
  | { readonly do: 'settled'; readonly types: readonly string[] }
  /** A new version of the first service's many endpoints. */
  | { readonly do: 'many'; readonly weight: number }
  /** So many updates a second of single services' endpoints. */
  | {
      readonly do: 'updates';
      readonly perSecond: number;
      readonly seconds: number;
      readonly services: number;
      /** An endpoint goes or comes back with every so manieth update of a service; the others change weights. */
      readonly membershipEvery: number;
    }
  /** Ends all streams; all that is asked for then is sent again. */
  | { readonly do: 'cut'; readonly types: readonly string[] };

export interface AdsAnswer {
  /** Of responses, since the last question. */
  readonly sentBytes: number;
  /** Until the last acceptance. */
  readonly ms: number;
  /** Responses that were accepted. */
  readonly accepted: number;
}

interface Asked {
  names: ReadonlySet<string>;
  nonce: string;
  answered: boolean;
}

/**
 * A control plane that costs nothing to speak of, so that what is measured is the client: everything is encoded beforehand. State
 * of the world; a response holds what the request names, or all of the type where it names nothing.
 */
class AdsServer {
  readonly #feed: ReadonlyMap<string, Fields>;
  readonly #options: AdsServerOptions;
  readonly #streams = new Map<GrpcServerStream, Map<string, Asked>>();
  #nonce = 0;
  #sentBytes = 0;
  #accepted = 0;
  #changed: () => void = () => {};

  constructor(options: AdsServerOptions) {
    const { layout, services, places, many } = options;
    this.#options = options;
    const feed = layout === 'sidecar' ? sidecarFeed(services, places) : namedFeed(services, places);
    this.#feed = feed;
    if (many > 0) (feed.get(endpointsUrl) as Map<string, Uint8Array>).set(...manyEndpoints(many, 1));
  }

  open(stream: GrpcServerStream): { onMessage(bytes: Uint8Array): void; onClose(): void } {
    const asked = new Map<string, Asked>();
    this.#streams.set(stream, asked);
    return {
      onMessage: (bytes) => this.#hear(stream, asked, bytes),
      onClose: () => this.#streams.delete(stream),
    };
  }

  async answer(question: AdsQuestion): Promise<AdsAnswer> {
    const begun = performance.now();
    this.#accepted = 0;
    if (question.do === 'cut') this.#cut();
    if (question.do === 'many') this.#push([manyEndpoints(this.#options.many, question.weight)]);
    if (question.do === 'updates') await this.#updates(question);
    const types = 'types' in question ? question.types : [];
    await this.#until(() => this.#settled(types));
    const answer = { sentBytes: this.#sentBytes, ms: performance.now() - begun, accepted: this.#accepted };
    this.#sentBytes = 0;
    return answer;
  }

  #cut(): void {
    const streams = [...this.#streams.keys()];
    this.#streams.clear();
    for (const stream of streams) stream.end({ code: grpcCode.unavailable, message: 'cut' });
  }

  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = () => {
        if (condition()) resolve();
      };
      this.#changed();
    });
  }

  #settled(types: readonly string[]): boolean {
    for (const asked of this.#streams.values()) {
      if (types.every((type) => asked.has(type)) && [...asked.values()].every(({ answered }) => answered)) return true;
    }
    return false;
  }

  #hear(stream: GrpcServerStream, asked: Map<string, Asked>, bytes: Uint8Array): void {
    const request = fromBinary(messageType<DiscoveryRequest>('envoy.service.discovery.v3.DiscoveryRequest'), bytes);
    const { typeUrl, responseNonce } = request;
    if (request.errorDetail !== undefined) throw new Error(`refused: ${request.errorDetail.message}`);
    const before = asked.get(typeUrl);
    if (responseNonce !== '') this.#accepted++;
    if (before !== undefined && responseNonce !== before.nonce) return;
    const names = new Set(request.resourceNames);
    if (before !== undefined) before.answered = true;
    const added = before === undefined ? names : [...names].filter((name) => !before.names.has(name));
    const state = before ?? { names, nonce: '', answered: false };
    state.names = names;
    asked.set(typeUrl, state);
    if (before === undefined || [...added].length > 0) {
      const known = this.#feed.get(typeUrl) ?? new Map<string, Uint8Array>();
      // Of listeners and clusters a response holds all that is asked for, and so does each here.
      const fields = names.size === 0 ? known.values() : [...names].flatMap((name) => known.get(name) ?? []);
      this.#send(stream, typeUrl, state, fields);
    }
    this.#changed();
  }

  #send(stream: GrpcServerStream, typeUrl: string, asked: Asked, fields: Iterable<Uint8Array>): void {
    const nonce = `${++this.#nonce}`;
    asked.nonce = nonce;
    asked.answered = false;
    const message = response(typeUrl, nonce, nonce, fields);
    this.#sentBytes += message.length;
    stream.send(message);
  }

  #push(fields: readonly (readonly [name: string, field: Uint8Array])[]): void {
    for (const [stream, asked] of this.#streams) {
      const state = asked.get(endpointsUrl);
      if (state === undefined) continue;
      const wanted = fields.filter(([name]) => state.names.has(name)).map(([, field]) => field);
      if (wanted.length > 0) this.#send(stream, endpointsUrl, state, wanted);
    }
  }

  /**
   * Weights change with each, and now and then an endpoint goes or comes back. Each update is a response of its own, whether
   * the last was accepted or not.
   */
  async #updates({ perSecond, seconds, services, membershipEvery }: AdsQuestion & { do: 'updates' }): Promise<void> {
    const { places } = this.#options;
    const variants = Array.from({ length: 2 * membershipEvery }, (_, turn) =>
      Array.from({ length: services }, (_, service) =>
        fewEndpoints(service, turn < membershipEvery ? places.slice(1) : places, 1 + (turn % 2)),
      ),
    );
    const begun = performance.now();
    const total = perSecond * seconds;
    for (let sent = 0; sent < total; ) {
      const due = Math.min(total, Math.floor(((performance.now() - begun) * perSecond) / 1_000));
      for (; sent < due; sent++) {
        const field = variants[Math.floor(sent / services) % variants.length]?.[sent % services];
        if (field !== undefined) this.#push([field]);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

const options = argument<AdsServerOptions>();
const server = new AdsServer(options);
const path = '/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources';
const address = await grpcServer({ services: { [path]: (stream) => server.open(stream) } }).listen({ port: 0 });
endWithParent();
process.on('message', (question: AdsQuestion) => void server.answer(question).then(tellParent));
tellParent({ address });
