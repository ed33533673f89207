import type { RuntimeFractionalPercent as ProtoRuntimePercent } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import type { FractionalPercent as ProtoPercent } from '@inmesh/api/gen/envoy/type/v3/percent_pb';
import type { FractionalPercent, RuntimeFractionalPercent } from '@inmesh/core';
import { enumName } from './decoding.ts';

const NEVER: FractionalPercent = { numerator: 0, denominator: 100 };

/** Absent is never. */
export function decodePercent(message: ProtoPercent | undefined): FractionalPercent {
  if (message === undefined) return NEVER;
  const name = enumName('envoy.type.v3.FractionalPercent.DenominatorType', message.denominator);
  const denominator = name === 'MILLION' ? 1_000_000 : name === 'TEN_THOUSAND' ? 10_000 : 100;
  return { numerator: message.numerator, denominator };
}

/** Null where it is absent. */
export function decodeRuntimePercent(message: ProtoRuntimePercent | undefined): RuntimeFractionalPercent | null {
  if (message === undefined) return null;
  return { defaultValue: decodePercent(message.defaultValue), runtimeKey: message.runtimeKey };
}
