export type {
  ConfigSource,
  Kind,
  Model,
  Resolver,
  Unwatch,
  Watcher,
} from './config-source.ts';
export { isMeshError, MeshError, type MeshErrorCode, type MeshErrorOptions, type MeshErrorPlace } from './errors.ts';
export * from './model/index.ts';
export type {
  MessageStream,
  StreamHandlers,
  StreamStatus,
  StreamTransport,
} from './stream-transport.ts';
export { type Clock, systemClock, type Timer } from './util/clock.ts';
export { type Random, seededRandom, systemRandom } from './util/random.ts';
export { VirtualClock } from './util/virtual-clock.ts';
