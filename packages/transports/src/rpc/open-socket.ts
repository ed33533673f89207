import * as net from 'node:net';
import * as tls from 'node:tls';
import { certificateNames, describeNames } from '@inmesh/mtls/names';
import type { FilledOptions, GrpcClientTls } from './client-options.ts';
import type { Address } from './target.ts';

/**
 * Milliseconds of silence until the kernel asks whether the other host is still there, and takes a connection whose host does
 * not answer ten times, a second apart (libuv's figures), for dead: within 40 s, where PINGs that servers put up with would take
 * minutes. It does not see through a proxy, nor help while something that was sent is not acknowledged; PINGs do.
 */
const tcpKeepaliveMs = 30_000;

/** The connection to a server, in the clear or not; it does not keep the process alive. */
export function openSocket({ tls: given }: FilledOptions, { connect: where, serverName }: Address): net.Socket {
  const options = typeof given === 'function' ? given() : given;
  if (options === null) {
    const plain = { noDelay: true, keepAlive: true, keepAliveInitialDelay: tcpKeepaliveMs };
    return net.connect({ ...where, ...plain }).unref();
  }
  const name = options.serverName ?? serverName;
  const socket = tls.connect({
    ...where,
    ALPNProtocols: ['h2'],
    ...(name === '' ? {} : { servername: name }),
    ...(options.ca === undefined ? {} : { ca: listOf(options.ca) }),
    ...(options.cert === undefined ? {} : { cert: Buffer.from(options.cert) }),
    ...(options.key === undefined ? {} : { key: Buffer.from(options.key) }),
    ...(options.acceptsNames === undefined ? {} : { checkServerIdentity: namesCheck(options.acceptsNames) }),
    rejectUnauthorized: true,
  });
  socket.once('secureConnect', () => {
    if (socket.alpnProtocol !== 'h2') socket.destroy(new Error('the server does not speak HTTP/2 (ALPN h2)'));
  });
  socket.setNoDelay(true).setKeepAlive(true, tcpKeepaliveMs);
  return socket.unref();
}

/** Node asks after it verified the chain, for every connection: no session is resumed here. */
function namesCheck(
  accepts: NonNullable<GrpcClientTls['acceptsNames']>,
): (host: string, certificate: tls.PeerCertificate) => Error | undefined {
  return (_, { raw }) => {
    const names = certificateNames(raw);
    if (accepts(names)) return undefined;
    return new Error(`no name of the server's certificate (${describeNames(names)}) is one that is asked for`);
  };
}

function listOf(ca: NonNullable<GrpcClientTls['ca']>): Buffer[] {
  const list = typeof ca === 'string' || ca instanceof Uint8Array ? [ca] : ca;
  return list.map((one) => Buffer.from(one));
}
