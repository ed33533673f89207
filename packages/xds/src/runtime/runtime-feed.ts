import {
  type ConfigSource,
  MeshError,
  Runtime,
  type RuntimeLayer,
  type RuntimeValue,
  runtimeValue,
  type Unwatch,
} from '@inmesh/core';
import type { RuntimeLayerSource } from '../bootstrap/layered-runtime.ts';

/** Follows a folder of runtime values: tells them, and again when they change. An error leaves what was told in force. */
export type FollowDisk = (
  source: RuntimeLayerSource & { readonly kind: 'disk' },
  tell: (values: ReadonlyMap<string, RuntimeValue>) => void,
) => Unwatch;

export interface RuntimeFeedOptions {
  /** The last one wins. */
  readonly layers: readonly RuntimeLayerSource[];
  readonly source: ConfigSource;
  readonly followDisk: FollowDisk;
}

const none: ReadonlyMap<string, RuntimeValue> = new Map();

/** Keeps a runtime at what its layers say. A layer of which nothing is known has no values: the defaults of whoever asks apply. */
export class RuntimeFeed {
  readonly runtime: Runtime = new Runtime();
  readonly #layers: RuntimeLayer[];
  readonly #admin: number;
  readonly #unwatch: Unwatch[] = [];

  constructor({ layers, source, followDisk }: RuntimeFeedOptions) {
    this.#layers = layers.map((each) => (each.kind === 'static' ? each.layer : { name: each.name, values: none }));
    this.#admin = layers.findIndex(({ kind }) => kind === 'admin');
    this.runtime.update([...this.#layers]);
    for (const [index, layer] of layers.entries()) {
      const set = (values: ReadonlyMap<string, RuntimeValue>): void => this.#set(index, values);
      if (layer.kind === 'disk') this.#unwatch.push(followDisk(layer, set));
      if (layer.kind !== 'rtds') continue;
      const unwatch = source.watch('runtime', layer.resource, {
        changed: ({ values }) => set(values),
        resourceError: () => set(none),
        ambientError: () => {},
      });
      this.#unwatch.push(unwatch);
    }
  }

  /** Sets values of the admin layer, as Envoy's `/runtime_modify` does; an empty text takes one back. Throws a MeshError where there is no such layer. */
  modify(values: { readonly [key: string]: string | number | boolean }): void {
    const admin = this.#layers[this.#admin];
    if (admin === undefined) {
      throw new MeshError('invalid_config', 'No admin layer specified: add one to layered_runtime of the bootstrap');
    }
    const next = new Map(admin.values);
    for (const [key, value] of Object.entries(values)) {
      if (value === '') next.delete(key);
      else next.set(key, runtimeValue(value));
    }
    this.#set(this.#admin, next);
  }

  close(): void {
    for (const unwatch of this.#unwatch.splice(0)) unwatch();
  }

  #set(index: number, values: ReadonlyMap<string, RuntimeValue>): void {
    const layer = this.#layers[index];
    if (layer === undefined) return;
    this.#layers[index] = { name: layer.name, values };
    this.runtime.update([...this.#layers]);
  }
}
