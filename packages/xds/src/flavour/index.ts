export { nodeDnsDomain } from './dns-search.ts';
export {
  type ChosenFlavour,
  chooseFlavour,
  type Flavour,
  type FlavourInForce,
  type FlavourOption,
  lacksOf,
} from './flavour.ts';
export { type IstioNodeOptions, type IstioSurroundings, istioNode } from './istio-node.ts';
export { type IstioOptions, istioSecurity, istioServer } from './istio-server.ts';
export type { KnownListener, ListenerMemory } from './listener-memory.ts';
export { peerIdentity } from './peer-identity.ts';
export { WholeFeed, type WholeFeedOptions } from './whole-feed.ts';
export { type WholeTypes, WildcardFinder, type WildcardFinderOptions } from './wildcard-finder.ts';
