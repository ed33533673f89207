import { toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { FilterChainMatch } from '@inmesh/api/gen/envoy/config/listener/v3/listener_components_pb';
import type { Listener } from '@inmesh/api/gen/envoy/config/listener/v3/listener_pb';
import { Refusal } from '../decoding.ts';

/** What Envoy refuses of a Listener when it makes one; an `api_listener` is for others and has none of it. */
export function requireEnvoyListener(message: Listener): void {
  if (message.apiListener?.apiListener !== undefined) return;
  if (message.address === undefined && message.listenerSpecifier.case !== 'internalListener') {
    throw new Refusal('address', 'value is required');
  }
  const hasChain = message.filterChains.length > 0 || message.defaultFilterChain !== undefined;
  if (!hasChain && message.udpListenerConfig === undefined) {
    throw new Refusal('filter_chains', 'no filter chains specified');
  }
  // With a matcher tree the chains have no match of their own.
  if (message.filterChainMatcher === undefined) requireDistinctMatches(message);
}

function requireDistinctMatches({ filterChains }: Listener): void {
  const schema = messageType<FilterChainMatch>('envoy.config.listener.v3.FilterChainMatch');
  const seen = new Map<string, number>();
  for (const [index, { filterChainMatch }] of filterChains.entries()) {
    const key =
      filterChainMatch === undefined ? '' : Buffer.from(toBinary(schema, filterChainMatch)).toString('base64');
    const first = seen.get(key);
    if (first !== undefined) {
      const problem = `has the same matching rules as filter_chains[${first}]`;
      throw new Refusal(`filter_chains[${index}].filter_chain_match`, problem);
    }
    seen.set(key, index);
  }
}
