import { once } from 'node:events';
import { createServer } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { IdentityProvider } from 'inmesh/identity';
import { HeardIdentity } from '../support/heard-identity.ts';
import { portOf } from '../support/ports.ts';

export interface SecureApp {
  readonly port: number;
  close(): Promise<void>;
}

/** A local service behind mutual TLS, as a workload with this identity: it lets in who the same roots vouch for, and says who that is. */
export async function startSecureApp(identity: IdentityProvider, port = 0): Promise<SecureApp> {
  const heard = new HeardIdentity(identity);
  await heard.hears(/changed/);
  heard.unwatch();
  const { certificate, trust } = heard.current ?? {};
  if (certificate === null || certificate === undefined) throw new Error('the service has no certificate');
  const server = createServer(
    {
      cert: certificate.chain,
      key: Buffer.from(certificate.key.reveal()),
      ca: trust?.roots,
      requestCert: true,
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
    },
    (request, response) => {
      const { subjectaltname = 'nobody' } = (request.socket as TLSSocket).getPeerCertificate();
      request.resume().on('end', () => response.end(subjectaltname));
    },
  );
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    port: portOf(server),
    close: async () => {
      server.closeAllConnections();
      await once(server.close(), 'close');
    },
  };
}
