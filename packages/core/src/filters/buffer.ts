import { MeshError } from '../errors.ts';
import type { FilterCallbacks, FilterFactory, FilterStatus, FilterType, HttpFilter } from './filter.ts';
import { failure } from './reply.ts';

/** envoy.extensions.filters.http.buffer.v3.Buffer */
export interface BufferConfig {
  readonly maxRequestBytes: number;
}

/** Takes a request into memory as a whole before it goes on, or refuses it where it is too large. (envoy.filters.http.buffer) */
export const buffer: FilterType<BufferConfig, BufferConfig | 'disabled'> = {
  compile(config, overrides) {
    const settings = overrides.at(-1) ?? config;
    return settings === 'disabled' ? null : new Buffering(settings.maxRequestBytes);
  },
};

class Buffering implements FilterFactory, HttpFilter {
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  create(): HttpFilter {
    return this;
  }

  onRequestHeaders(callbacks: FilterCallbacks): FilterStatus {
    const { body } = callbacks.call;
    if (body === null) return undefined;
    const size = body.bytes?.byteLength ?? body.length;
    if (size !== null && size > this.#limit) return this.#refuse(callbacks);
    // What is in memory already need not be waited for.
    return body.bytes !== null ? undefined : this.#read(callbacks);
  }

  async #read(callbacks: FilterCallbacks): Promise<void> {
    if ((await callbacks.readBody(this.#limit)) === null) this.#refuse(callbacks);
  }

  #refuse(callbacks: FilterCallbacks): void {
    const { call } = callbacks;
    callbacks.reply(
      failure(
        new MeshError('request_too_large', `the request has more than ${this.#limit} bytes (max_request_bytes)`, {
          ...(call.route === null ? {} : { route: call.route.label }),
        }),
      ),
    );
  }
}
