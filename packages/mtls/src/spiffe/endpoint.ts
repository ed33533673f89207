import { isIP } from 'node:net';
import { MeshError } from '@inmesh/core';

/**
 * The gRPC target of a Workload API, from its URI: `unix:///run/spire/agent.sock` or `tcp://127.0.0.1:8000`; there is no TLS to it.
 * (SPIFFE Workload Endpoint, section 4)
 */
export function workloadApiTarget(uri: string): string {
  if (uri.startsWith('unix:')) {
    const path = uri.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path.startsWith('/') && !path.startsWith('//') && !/[?#]/.test(path)) return `unix:${path}`;
    throw refuse(uri, 'the path of the socket must be absolute, as in unix:///run/spire/sockets/agent.sock');
  }
  const tcp = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+)$/.exec(uri);
  if (tcp === null) throw refuse(uri, 'write unix:///path/to/agent.sock or tcp://127.0.0.1:8000');
  const [, host = '', port] = tcp;
  const bare = host.replace(/^\[|\]$/g, '');
  if (isIP(bare) === 0)
    throw refuse(uri, 'after tcp:// there must be an IP address, because a name could lead anywhere');
  return `${host}:${port}`;
}

function refuse(uri: string, remedy: string): MeshError {
  return new MeshError('invalid_config', `the Workload API's endpoint "${uri}" cannot be used: ${remedy}`);
}
