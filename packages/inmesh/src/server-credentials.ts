import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { compileSubjectAltNames, MeshError } from '@inmesh/core';
import { type GrpcClientTls, parseTarget } from '@inmesh/transports/rpc';
import { re2, type TlsServerCredentials, type XdsServer } from '@inmesh/xds';
import { googleToken } from './google-token.ts';

/**
 * TLS towards a control plane; its files are read for each connection, because certificates are renewed under us. Throws where
 * they cannot be used at first; later the last good ones stay, and `tell` hears why.
 */
export function serverTls(server: XdsServer, tell: (error: Error) => void): (() => GrpcClientTls) | null {
  const { credentials } = server;
  if (credentials.kind === 'insecure') return null;
  let last = readTls(server, credentials);
  return () => {
    try {
      last = readTls(server, credentials);
    } catch (error) {
      tell(error as Error);
    }
    return last;
  };
}

function readTls({ uri }: XdsServer, credentials: TlsServerCredentials): GrpcClientTls {
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
  const { ca, caFile, cert, certFile, key, keyFile, serverName, subjectAltNames = [] } = credentials;
  const read = Object.fromEntries(
    Object.entries({
      ca: pem('ca_certificate_file', ca, caFile),
      cert: pem('certificate_file', cert, certFile),
      key: pem('private_key_file', key, keyFile),
    }).filter(([, value]) => value !== undefined),
  );
  try {
    // A chain and a key that do not belong together, as halfway through a renewal, are found here and not in the connection.
    createSecureContext(read);
  } catch (cause) {
    throw new MeshError('invalid_config', `certificates for ${uri} cannot be used: ${(cause as Error).message}`, {
      controlPlane: uri,
      cause,
    });
  }
  return {
    ...read,
    ...(serverName !== undefined && { serverName }),
    ...(subjectAltNames.length > 0 && { acceptsNames: compileSubjectAltNames(subjectAltNames, re2()) }),
  };
}

/**
 * The authorization of a stream, read anew for each because tokens expire and are changed under us; never sent in the clear. Where
 * it cannot be made the stream goes without, and the server says what it thinks of that. (gRFC A97)
 */
export function callCredentials(
  { uri, credentials, callCredentials: configs }: XdsServer,
  tell: (error: Error) => void,
): Readonly<Record<string, string>> {
  if (credentials.kind !== 'tls') return {};
  for (const { type, config } of configs) {
    const file = tokenFile(type, config);
    if (file === null) continue;
    try {
      const text = readFileSync(file, 'utf8').trim();
      const token = type === 'google_default' ? googleToken(text, hostOf(uri), Date.now()) : text;
      return { authorization: `Bearer ${token}` };
    } catch (cause) {
      const reason = `call credentials ${String(type)}: ${file} cannot be used: ${(cause as Error).message}`;
      tell(new MeshError('invalid_config', reason, { controlPlane: uri, cause }));
    }
  }
  return {};
}

function tokenFile(type: unknown, config: unknown): string | null {
  const { jwt_token_file: token, credentials_file: account } = (config ?? {}) as Readonly<Record<string, unknown>>;
  const file = type === 'jwt_token_file' ? token : type === 'google_default' ? account : null;
  return typeof file === 'string' ? file : null;
}

function hostOf(uri: string): string {
  return parseTarget(uri).serverName;
}
