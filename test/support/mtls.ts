import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { JsonObject } from '@bufbuild/protobuf';
import type { ResourceInput } from '@inmesh/control-plane';
import type { SecretBytes } from '@inmesh/core';
import type { CertificateAuthority, IssueOptions } from '@inmesh/mtls/ca';

type Json = JsonObject;
type Issued = Awaited<ReturnType<CertificateAuthority['issue']>>;

const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.';
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const ADS = { ads: {}, resource_api_version: 'V3' };

/** What a server saw of a request. */
export interface Seen {
  readonly httpVersion: string;
  readonly alpn: string | false | null;
  readonly serverName: string | false | null;
  /** Names of the client's certificate, as Node writes them. */
  readonly client: string;
  /** Of the client's certificate. */
  readonly serial: string;
  /** The server's own port. */
  readonly port: number;
}

export interface MtlsServer {
  readonly port: number;
  /** Connections that were open at any time. */
  readonly handshakes: number;
  close(): Promise<void>;
}

export interface MtlsServerOptions {
  /** In the order of preference; with `h2` it also speaks HTTP/1.1, and no other. Default `istio-http/1.1`, `http/1.1`. */
  readonly alpn?: readonly string[];
  readonly names?: IssueOptions;
  /** Who vouches for it. Default: the one that its clients are checked with. */
  readonly issuer?: CertificateAuthority;
}

/** An HTTPS server that lets in by certificates of an authority only, and answers with what it saw. Speaks HTTP/2 where ALPN leads there. */
export async function startMtls(authority: CertificateAuthority, options: MtlsServerOptions = {}): Promise<MtlsServer> {
  const { alpn = ['istio-http/1.1', 'http/1.1'], names = {}, issuer = authority } = options;
  const { chain, key } = await issuer.issue(names);
  const credentials = { cert: chain, key: pem(key), ca: authority.root, requestCert: true, rejectUnauthorized: true };
  const open = new Set<Socket>();
  let handshakes = 0;
  const answer = (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => {
    const socket = request.socket as TLSSocket;
    const certificate = socket.getPeerCertificate();
    const seen: Seen = {
      httpVersion: request.httpVersion,
      alpn: socket.alpnProtocol,
      serverName: (socket as TLSSocket & { servername: Seen['serverName'] }).servername,
      client: certificate.subjectaltname ?? '',
      serial: certificate.serialNumber,
      port: (http.address() as AddressInfo).port,
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(seen));
  };
  // A server for HTTP/2 has an ALPN list of its own.
  const http = alpn.includes('h2')
    ? createSecureServer({ ...credentials, allowHTTP1: true }, answer)
    : createServer({ ...credentials, ALPNProtocols: [...alpn] }, answer);
  http.on('tlsClientError', () => {});
  http.on('secureConnection', (socket: TLSSocket) => {
    handshakes++;
    open.add(socket);
    socket.on('close', () => open.delete(socket));
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    port: (http.address() as AddressInfo).port,
    get handshakes() {
      return handshakes;
    },
    async close() {
      for (const socket of open) socket.destroy();
      http.close();
      await once(http, 'close');
    },
  };
}

/** PEM of a key, for a server or for a feed. */
export function pem(key: SecretBytes): string {
  return Buffer.from(key.reveal()).toString();
}

/** A certificate with its key, for SDS. */
export function certificateSecret(name: string, issued: Issued): ResourceInput {
  return { '@type': `${TLS}Secret`, name, tls_certificate: inlineCertificate(issued) };
}

export function inlineCertificate({ chain, key }: Issued): Json {
  return { certificate_chain: { inline_string: chain }, private_key: { inline_string: pem(key) } };
}

/** Whom to trust, for SDS. */
export function rootsSecret(name: string, roots: string): ResourceInput {
  return { '@type': `${TLS}Secret`, name, validation_context: { trusted_ca: { inline_string: roots } } };
}

/** `transport_socket` with TLS. */
export function tlsSocket(common: Json, more: Json = {}): Json {
  return { name: 'tls', typed_config: { '@type': `${TLS}UpstreamTlsContext`, common_tls_context: common, ...more } };
}

export function rawSocket(): Json {
  return {
    name: 'raw',
    typed_config: { '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' },
  };
}

/** TLS as istiod has it: a certificate and roots by SDS, and the names of the service's accounts. */
export function sdsContext(accounts: readonly string[], source: Json = ADS): Json {
  return {
    tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: source }],
    combined_validation_context: {
      default_validation_context: { match_subject_alt_names: accounts.map((exact) => ({ exact })) },
      validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: source },
    },
  };
}

/** Fields of a cluster for HttpProtocolOptions. */
export function protocolOptions(json: Json): Json {
  return { typed_extension_protocol_options: { [OPTIONS]: { '@type': `type.googleapis.com/${OPTIONS}`, ...json } } };
}
