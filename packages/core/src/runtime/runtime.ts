import type { FractionalPercent, RuntimeLayer, RuntimeValue } from '../model/runtime.ts';

/**
 * Values that steer decisions while the process runs, by key: in layers, of which a later one wins. What is compiled keeps this
 * object and asks it each time, so a change is in force with the next call.
 */
export class Runtime {
  #layers: readonly RuntimeLayer[];
  #values: ReadonlyMap<string, RuntimeValue>;

  constructor(layers: readonly RuntimeLayer[] = []) {
    this.#layers = layers;
    this.#values = merge(layers);
  }

  get layers(): readonly RuntimeLayer[] {
    return this.#layers;
  }

  /** What is in force, by key. */
  get snapshot(): ReadonlyMap<string, RuntimeValue> {
    return this.#values;
  }

  /** Replaces all layers at once. */
  update(layers: readonly RuntimeLayer[]): void {
    this.#layers = layers;
    this.#values = merge(layers);
  }

  /** Null where no layer has the key. */
  value(key: string): RuntimeValue | null {
    return this.#values.get(key) ?? null;
  }

  integer(key: string, defaultValue: number): number {
    return this.#values.get(key)?.integer ?? defaultValue;
  }

  number(key: string, defaultValue: number): number {
    return this.#values.get(key)?.number ?? defaultValue;
  }

  boolean(key: string, defaultValue: boolean): boolean {
    return this.#values.get(key)?.boolean ?? defaultValue;
  }

  /** A whole number counts in hundredths, as in Envoy. */
  percent(key: string, defaultValue: FractionalPercent): FractionalPercent {
    const value = this.#values.get(key);
    if (value === undefined) return defaultValue;
    if (value.percent !== null) return value.percent;
    return value.integer === null ? defaultValue : { numerator: value.integer, denominator: 100 };
  }

  /** `random`: a whole number from 0 on, of which the remainder decides: the same number gives the same answer for the same share. */
  featureEnabled(key: string, defaultValue: FractionalPercent, random: number): boolean {
    const { numerator, denominator } = this.#values.size === 0 ? defaultValue : this.percent(key, defaultValue);
    return random % denominator < numerator;
  }
}

function merge(layers: readonly RuntimeLayer[]): ReadonlyMap<string, RuntimeValue> {
  const values = new Map<string, RuntimeValue>();
  for (const layer of layers) for (const [key, value] of layer.values) values.set(key, value);
  return values;
}
