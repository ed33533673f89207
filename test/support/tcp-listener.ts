import type { JsonObject } from '@bufbuild/protobuf';
import type { ResourceInput } from '@inmesh/control-plane';

const TYPE = 'type.googleapis.com/envoy';

/** A listener that is found by its name, with a TCP proxy. */
export function tcpListener(name: string, proxy: JsonObject): ResourceInput {
  const typed_config = {
    '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
    stat_prefix: 'db',
    ...proxy,
  };
  return {
    '@type': `${TYPE}.config.listener.v3.Listener`,
    name,
    address: { socket_address: { address: '0.0.0.0', port_value: 1 } },
    filter_chains: [{ filters: [{ name: 'tcp', typed_config }] }],
  };
}
