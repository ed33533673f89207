/** A share, such as 25 in 10,000. (envoy.type.v3.FractionalPercent) */
export interface FractionalPercent {
  readonly numerator: number;
  readonly denominator: 100 | 10_000 | 1_000_000;
}

/** One runtime value, read in each way that it can be; null for a way that does not fit. */
export interface RuntimeValue {
  /** As written, or as Envoy would print it. */
  readonly text: string;
  readonly number: number | null;
  /** A whole number from 0 on; what is written with a fraction is floored, as in Envoy. */
  readonly integer: number | null;
  readonly boolean: boolean | null;
  readonly percent: FractionalPercent | null;
}

/** Runtime values under their keys, such as `health_check.min_interval`. (envoy.service.runtime.v3.Runtime) */
export interface RuntimeLayer {
  readonly name: string;
  readonly values: ReadonlyMap<string, RuntimeValue>;
}

/** A default, and the runtime key that may replace it. (envoy.config.core.v3.RuntimeFractionalPercent) */
export interface RuntimeFractionalPercent {
  readonly defaultValue: FractionalPercent;
  /** Empty for none. */
  readonly runtimeKey: string;
}
