import { brotliDecompressSync } from 'node:zlib';
import type { Message, Registry } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import { packedDescriptors } from './gen/descriptors.ts';
import { LazyRegistry } from './lazy-registry.ts';

let built: Registry | undefined;

/**
 * Every message, enum, extension and service of the API. Unpacked from the embedded descriptors on first use, because a
 * process which never meets a feed should not pay for it; and from then on built file by file, as they are met.
 */
export function registry(): Registry {
  built ??= new LazyRegistry(unpack(packedDescriptors));
  return built;
}

function unpack(packed: string): Uint8Array {
  return brotliDecompressSync(Buffer.from(packed, 'base64'));
}

/**
 * The descriptor of one message, typed: what protobuf-es's functions take as `schema`. It stands in for the generated
 * `ClusterSchema`, whose module would have to be imported at run time; the compiler checks the name against the type.
 *
 *     import type { Cluster } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
 *     fromBinary(messageType<Cluster>('envoy.config.cluster.v3.Cluster'), bytes)
 */
export function messageType<T extends Message>(typeName: T['$typeName']): GenMessage<T> {
  const type = registry().getMessage(typeName);
  if (type === undefined) throw new TypeError(`the API has no message ${typeName}`);
  return type as GenMessage<T>;
}

/**
 * The numbers of an enum by name, as the generated constant has them: that constant is a type only, like everything in `gen`.
 *
 *     import type { Cluster_LbPolicy } from '@inmesh/api/gen/envoy/config/cluster/v3/cluster_pb';
 *     enumValues<typeof Cluster_LbPolicy>('envoy.config.cluster.v3.Cluster.LbPolicy').RING_HASH
 */
export function enumValues<E extends Readonly<Record<string, number>>>(typeName: string): E {
  const type = registry().getEnum(typeName);
  if (type === undefined) throw new TypeError(`the API has no enum ${typeName}`);
  return Object.freeze(Object.fromEntries(type.values.map(({ localName, number }) => [localName, number]))) as E;
}
