import { createMesh, type Mesh } from 'inmesh';
import { TestTrust } from '../../test/peers/support/tls/trust.ts';
import { findEnvoy, runEnvoy } from '../http/envoy.ts';
import { Helper } from '../processes.ts';
import {
  type Identities,
  inboundBootstrap,
  meshServices,
  outboundBootstrap,
  type Protocol,
  type Service,
} from './feed.ts';
import type { ConnectionServerOptions, ServerPorts } from './server.ts';

const ENDPOINTS = 4;
/** A small JSON answer. */
const BODY_BYTES = 1024;
/** Envoy's default, which many servers have. */
const MAX_STREAMS = 1024;
/** For connections that carry one call each. */
const ONE_CALL = { common_http_protocol_options: { max_requests_per_connection: 1 } };
const ONE_STREAM = { explicit_http_config: { http2_protocol_options: { max_concurrent_streams: 1 } } };

export type ByProtocol<T> = { readonly [P in Protocol]: T };

/** Everything that is called, and what it is called with. */
export interface Scene {
  readonly identities: Identities;
  readonly server: Helper;
  readonly controlPlane: string;
  readonly mesh: Mesh;
  /** Straight to the endpoints. */
  readonly services: ByProtocol<Service>;
  /** Each call on a connection of its own: with a whole handshake, or with a session that is resumed. */
  readonly handshakes: { readonly whole: Service; readonly resumed: Service };
  /** A connection for each of the calls that are made at once. */
  readonly memory: ByProtocol<Service>;
  /** Ports of the Envoy beside the caller, which leads to Envoys before the endpoints; and the services behind those. */
  readonly envoys: { readonly outbound: ByProtocol<number>; readonly services: ByProtocol<Service> } | null;
  /** Ends all of it. */
  stop(): Promise<void>;
}

export async function setUp(): Promise<Scene> {
  const stops: (() => unknown)[] = [];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  try {
    const trust = await TestTrust.create('bench.test');
    stops.push(() => trust[Symbol.dispose]());
    const identities = { caller: await trust.identity('caller'), server: await trust.identity('server') };
    const { helper: server, ready: ports } = await startServer(identities, ENDPOINTS, MAX_STREAMS);
    stops.push(() => server.stop());
    const narrow = await startServer(identities, 1, 1);
    stops.push(() => narrow.helper.stop());
    const services = {
      http1: { name: 'reviews-http1', ports: ports.http1, protocol: 'http1' },
      http2: { name: 'reviews-http2', ports: ports.http2, protocol: 'http2' },
    } as const;
    const memory = {
      http1: { name: 'memory-http1', ports: narrow.ready.http1, protocol: 'http1' },
      http2: { name: 'memory-http2', ports: narrow.ready.http2, protocol: 'http2', options: ONE_STREAM },
    } as const;
    const once = { ports: ports.http1, protocol: 'http1', options: ONE_CALL } as const;
    const handshakes = {
      whole: { name: 'handshakes-whole', ...once, context: { max_session_keys: 0 } },
      resumed: { name: 'handshakes-resumed', ...once },
    };
    const envoys = await startEnvoys(identities, ports, stops);
    const all = [services, memory, handshakes, envoys?.services ?? {}].flatMap((each): Service[] =>
      Object.values(each),
    );
    const plane = await Helper.start<{ address: string }>(
      new URL('../http/control-plane.ts', import.meta.url),
      meshServices(all, identities),
    );
    stops.push(() => plane.helper.stop());
    const controlPlane = plane.ready.address;
    const mesh = await createMesh({
      bootstrapConfig: JSON.stringify({
        xds_servers: [{ server_uri: controlPlane, channel_creds: [{ type: 'insecure' }] }],
        node: { id: 'bench' },
      }),
    });
    stops.push(() => mesh.close());
    return { identities, server, controlPlane, mesh, services, handshakes, memory, envoys, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startServer({ server: { chain, key, root } }: Identities, ports: number, maxStreams: number) {
  const options: ConnectionServerOptions = { ports, bodyBytes: BODY_BYTES, maxStreams, chain, key, root };
  return Helper.start<ServerPorts>(new URL('./server.ts', import.meta.url), options);
}

async function startEnvoys(
  identities: Identities,
  { plain }: ServerPorts,
  stops: (() => unknown)[],
): Promise<Scene['envoys']> {
  const binary = findEnvoy();
  if (binary === null) return null;
  const inbound = await runEnvoy(binary, plain.length, (listen) => inboundBootstrap(listen, plain, identities));
  stops.push(() => inbound.stop());
  const services = {
    http1: { name: 'sidecar-http1', ports: inbound.ports, protocol: 'http1' },
    http2: { name: 'sidecar-http2', ports: inbound.ports, protocol: 'http2' },
  } as const;
  const outbound = await runEnvoy(binary, 2, (listen) =>
    outboundBootstrap(listen, [services.http1, services.http2], identities),
  );
  stops.push(() => outbound.stop());
  const [http1 = 0, http2 = 0] = outbound.ports;
  return { outbound: { http1, http2 }, services };
}
