// A client that knows no TLS talks to a service that lets in by certificate only, over the TCP proxy that the feed has for it.
//
//   node --conditions=@inmesh/source examples/sockets/demo.ts
//
// The service, the authority of its trust domain and the control plane run in this process, too.
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { createServer } from 'node:tls';
import { startControlPlane } from '@inmesh/control-plane';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { createMesh } from 'inmesh';

const TYPE = 'type.googleapis.com/envoy';
const [CLIENT, SERVICE] = ['spiffe://demo/ns/default/sa/shop', 'spiffe://demo/ns/default/sa/cache'];

const authority = await CertificateAuthority.create();
const service = await authority.issue({ uris: [SERVICE] });
const client = await authority.issue({ uris: [CLIENT] });

const server = createServer(
  {
    key: Buffer.from(service.key.reveal()),
    cert: service.chain,
    ca: authority.root,
    requestCert: true,
    rejectUnauthorized: true,
  },
  (socket) => {
    socket.write(`hello ${socket.getPeerCertificate().subjectaltname}, you said: `);
    socket.pipe(socket);
  },
).listen(0, '127.0.0.1');
await once(server, 'listening');
const address = server.address();
if (address === null || typeof address !== 'object') throw new Error('the service does not listen on a port');

const tls = {
  tls_certificates: [
    {
      certificate_chain: { inline_string: client.chain },
      private_key: { inline_bytes: Buffer.from(client.key.reveal()).toString('base64') },
    },
  ],
  validation_context: {
    trusted_ca: { inline_string: authority.root },
    match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: SERVICE } }],
  },
};
const endpoint = { address: { socket_address: { address: '127.0.0.1', port_value: address.port } } };
await using plane = await startControlPlane({
  resources: [
    {
      '@type': `${TYPE}.config.listener.v3.Listener`,
      name: 'cache:6379',
      address: { socket_address: { address: '0.0.0.0', port_value: 6379 } },
      filter_chains: [
        {
          filters: [
            {
              name: 'tcp',
              typed_config: {
                '@type': `${TYPE}.extensions.filters.network.tcp_proxy.v3.TcpProxy`,
                stat_prefix: 'cache',
                cluster: 'cache',
              },
            },
          ],
        },
      ],
    },
    {
      '@type': `${TYPE}.config.cluster.v3.Cluster`,
      name: 'cache',
      type: 'STATIC',
      load_assignment: { cluster_name: 'cache', endpoints: [{ lb_endpoints: [{ endpoint }] }] },
      transport_socket: {
        name: 'tls',
        typed_config: {
          '@type': `${TYPE}.extensions.transport_sockets.tls.v3.UpstreamTlsContext`,
          common_tls_context: tls,
        },
      },
    },
  ],
});

await using mesh = await createMesh({
  bootstrapConfig: JSON.stringify({
    xds_servers: [{ server_uri: plane.address, channel_creds: [{ type: 'insecure' }] }],
    node: { id: 'demo' },
  }),
  env: {},
});
const socket = mesh.socket('cache', 6379);
socket.end('ping');
console.log(await text(socket));
console.log(mesh.statistics().tcp.cache);
server.close();
