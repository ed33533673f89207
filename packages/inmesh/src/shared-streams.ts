import { readFileSync } from 'node:fs';
import { type Clock, MeshError, type Random, type StreamTransport } from '@inmesh/core';
import { type GrpcClientTls, grpcChannel } from '@inmesh/transports/rpc';
import { AdsClient, type NodeIdentity, resourceTypes, type TlsServerCredentials, type XdsServer } from '@inmesh/xds';
import { VERSION } from './version.ts';

/** One user's share of a stream. */
export interface SharedStream {
  readonly client: AdsClient;
  release(): void;
}

export interface SharedStreamOptions {
  readonly server: XdsServer;
  readonly node: NodeIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

interface Shared {
  readonly client: AdsClient;
  readonly transport: StreamTransport;
  readonly listeners: Set<(error: Error) => void>;
}

/**
 * The streams of this process. One of the few things that meshes of a process must share rather than be given: an
 * istio-agent closes all but the newest stream of a node.
 */
const streams = new Map<string, Shared>();

/** The stream to a control plane, shared by all meshes that are the same node to the same server. */
export function shareStream({ server, node, clock, random, onError }: SharedStreamOptions): SharedStream {
  const key = JSON.stringify([server, node]);
  let shared = streams.get(key);
  if (shared === undefined) {
    const listeners = new Set<(error: Error) => void>();
    const tell = (error: Error) => {
      for (const listener of listeners) listener(error);
    };
    const transport = grpcChannel({
      target: server.uri,
      tls: tlsOf(server),
      keepaliveMs: server.keepaliveMs,
      clock,
    });
    const client = new AdsClient({
      transport,
      serverUri: server.uri,
      node,
      userAgentVersion: VERSION,
      types: resourceTypes(),
      variant: server.delta ? 'delta' : 'sotw',
      serverFeatures: server.features,
      metadata: () => ({ ...Object.fromEntries(server.initialMetadata), ...callCredentials(server, tell) }),
      onError: tell,
      clock,
      random,
    });
    shared = { client, transport, listeners };
    streams.set(key, shared);
  }
  const { client, transport, listeners } = shared;
  listeners.add(onError);
  let released = false;
  return {
    client,
    release: () => {
      if (released) return;
      released = true;
      listeners.delete(onError);
      if (listeners.size > 0) return;
      streams.delete(key);
      client.close();
      transport.close();
    },
  };
}

/**
 * The token of `jwt_token_file` (gRFC A97), read for each stream because it is changed under us; never sent in the clear. Where it
 * cannot be read the stream goes without, and the server says what it thinks of that.
 */
function callCredentials(
  { uri, credentials, callCredentials: configs }: XdsServer,
  tell: (error: Error) => void,
): Readonly<Record<string, string>> {
  if (credentials.kind !== 'tls') return {};
  for (const { type, config } of configs) {
    const path = (config as { readonly jwt_token_file?: unknown } | undefined)?.jwt_token_file;
    if (type !== 'jwt_token_file' || typeof path !== 'string') continue;
    try {
      return { authorization: `Bearer ${readFileSync(path, 'utf8').trim()}` };
    } catch (cause) {
      const reason = `the token in ${path} cannot be read: ${(cause as Error).message}`;
      tell(new MeshError('invalid_config', reason, { controlPlane: uri, cause }));
    }
  }
  return {};
}

function tlsOf({ uri, credentials }: XdsServer): GrpcClientTls | null {
  if (credentials.kind === 'insecure') return null;
  refuseUncheckedNames(uri, credentials);
  const pem = (field: string, inline: string | undefined, file: string | undefined) => {
    if (inline !== undefined || file === undefined) return inline;
    try {
      return readFileSync(file, 'utf8');
    } catch (cause) {
      throw new MeshError('invalid_config', `${field}: cannot read ${file}: ${(cause as Error).message}`, {
        controlPlane: uri,
        cause,
      });
    }
  };
  const { ca, caFile, cert, certFile, key, keyFile, serverName } = credentials;
  return Object.fromEntries(
    Object.entries({
      ca: pem('ca_certificate_file', ca, caFile),
      cert: pem('certificate_file', cert, certFile),
      key: pem('private_key_file', key, keyFile),
      serverName,
    }).filter(([, value]) => value !== undefined),
  );
}

/** The host name of the server is what is checked; a matcher that asks for another name must not be passed over. */
function refuseUncheckedNames(uri: string, { subjectAltNames, serverName }: TlsServerCredentials): void {
  if (subjectAltNames === undefined || subjectAltNames.length === 0) return;
  const name = serverName ?? uri.replace(/^dns:\/*/, '').replace(/:\d+$/, '');
  const matched = subjectAltNames.some((matcher) => {
    const { exact } = (matcher.matcher ?? matcher) as { readonly exact?: unknown };
    return exact === name;
  });
  if (matched) return;
  throw new MeshError(
    'unsupported',
    `the certificate of the control plane is checked for the name ${name}, and none of match_subject_alt_names is exactly that; set sni to the expected name`,
    { controlPlane: uri },
  );
}
