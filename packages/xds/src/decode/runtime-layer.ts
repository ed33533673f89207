import { messageType } from '@inmesh/api';
import type { Runtime } from '@inmesh/api/gen/envoy/service/runtime/v3/rtds_pb';
import { flattenRuntime, type RuntimeLayer, RuntimeValueError } from '@inmesh/core';
import { type Decoding, Refusal, requireValid } from './decoding.ts';

/** A resource of RTDS. */
export function decodeRuntimeLayer(decoding: Decoding, message: Runtime): RuntimeLayer {
  requireValid(decoding, messageType<Runtime>('envoy.service.runtime.v3.Runtime'), message);
  return readRuntimeLayer(message.name, message.layer ?? {}, 'layer');
}

/** The values of a layer, wherever they stand. */
export function readRuntimeLayer(
  name: string,
  layer: { readonly [key: string]: unknown },
  field: string,
): RuntimeLayer {
  try {
    return { name, values: flattenRuntime(layer) };
  } catch (cause) {
    if (cause instanceof RuntimeValueError) throw new Refusal(field, cause.message, { cause });
    throw cause;
  }
}
