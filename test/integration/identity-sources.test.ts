import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { type Mesh, meshErrorOf } from 'inmesh';
import { service } from '../support/feed.ts';
import {
  certificateSecret,
  type MtlsServer,
  pem,
  rootsSecret,
  type Seen,
  startMtls,
  tlsSocket,
} from '../support/mtls.ts';
import { Scene } from '../support/scene.ts';

const ME = 'spiffe://td/ns/a/sa/me';
const SHOP = 'spiffe://td/ns/a/sa/shop';

/** The same cluster, with secrets from the places that a bootstrap knows of. */
describe('identity from the bootstrap', () => {
  let folder: string;
  let authority: CertificateAuthority;
  let shop: MtlsServer;
  const names = { match_subject_alt_names: [{ exact: SHOP }] };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'inmesh-identity-'));
    authority = await CertificateAuthority.create();
    shop = await startMtls(authority, { names: { uris: [SHOP] } });
  });
  after(async () => {
    await shop.close();
    await rm(folder, { recursive: true });
  });

  const ask = async (mesh: Mesh): Promise<Seen> => {
    const response = await mesh.fetch('http://shop/');
    assert.equal(response.status, 200, meshErrorOf(response)?.message);
    return (await response.json()) as Seen;
  };
  const place = async (name: string, text: string): Promise<string> => {
    const path = join(folder, name);
    await writeFile(`${path}.new`, text);
    await rename(`${path}.new`, path);
    return path;
  };

  it('is that of a certificate provider, in either generation of the fields', async () => {
    const { chain, key } = await authority.issue({ uris: [ME] });
    const config = {
      certificate_file: await place('chain.pem', chain),
      private_key_file: await place('key.pem', pem(key)),
      ca_certificate_file: await place('roots.pem', authority.root),
    };
    const instance = { instance_name: 'default' };
    for (const common of [
      {
        tls_certificate_provider_instance: instance,
        validation_context: { ca_certificate_provider_instance: instance, ...names },
      },
      {
        tls_certificate_certificate_provider_instance: instance,
        combined_validation_context: {
          default_validation_context: names,
          validation_context_certificate_provider_instance: instance,
        },
      },
    ]) {
      const socket = { ...tlsSocket(common), name: 'envoy.transport_sockets.tls' };
      await using scene = await Scene.start(service('shop', [shop.port], { cluster: { transport_socket: socket } }));
      const mesh = await scene.mesh({
        bootstrapConfig: JSON.stringify({
          xds_servers: [{ server_uri: scene.plane.address, channel_creds: [{ type: 'insecure' }] }],
          node: { id: 'n' },
          certificate_providers: { default: { plugin_name: 'file_watcher', config } },
        }),
      });
      assert.equal((await ask(mesh)).client, `URI:${ME}`);
      const [explained] = (await mesh.explain('http://shop/')).clusters;
      assert.deepEqual(explained?.transports[0]?.tls?.expects, [
        `one of: ${SHOP}`,
        'roots of certificate provider default',
      ]);
    }
  });

  it('is a static secret, and roots in a file of secrets', async () => {
    const path = await place('sds.json', JSON.stringify({ resources: [rootsSecret('ROOTCA', authority.root)] }));
    const common = {
      tls_certificate_sds_secret_configs: [{ name: 'mine' }],
      combined_validation_context: {
        default_validation_context: names,
        validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: { path_config_source: { path } } },
      },
    };
    const { '@type': _, ...secret } = certificateSecret('mine', await authority.issue({ uris: [ME] })) as {
      '@type': string;
    };
    await using scene = await Scene.start();
    const parts = service('shop', [shop.port], { cluster: { transport_socket: tlsSocket(common) } });
    const [listener, , assignment] = parts as unknown as { [field: string]: unknown }[];
    const { '@type': __, ...cluster } = parts[1] as { '@type': string };
    const { '@type': ___, ...load } = assignment as { '@type': string };
    const mesh = await scene.mesh({
      services: ['http://shop'],
      bootstrapConfig: JSON.stringify({
        node: { id: 'n', cluster: 'c' },
        static_resources: {
          secrets: [secret],
          listeners: [{ ...listener, '@type': undefined }],
          clusters: [{ ...cluster, type: 'STATIC', eds_cluster_config: undefined, load_assignment: load }],
        },
      }),
    });
    assert.equal((await ask(mesh)).client, `URI:${ME}`);
  });

  it('is missed by the name of its provider where the bootstrap has none of that name', async () => {
    const common = {
      tls_certificate_provider_instance: { instance_name: 'nobody' },
      validation_context: { ca_certificate_provider_instance: { instance_name: 'nobody' }, ...names },
    };
    await using scene = await Scene.start(
      service('shop', [shop.port], { cluster: { transport_socket: tlsSocket(common) } }),
    );
    const mesh = await scene.mesh();
    const response = await mesh.fetch('http://shop/');
    assert.equal(response.status, 503);
    assert.match(meshErrorOf(response)?.message ?? '', /certificate provider "nobody"/);
  });
});
