import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { create, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type { X509SVIDResponse as X509SvidResponse } from '@inmesh/api/gen/workload_pb';
import { CertificateAuthority, derBlocks } from '../ca/index.ts';
import { NoSuchSvid, readX509Svids } from './x509-svids.ts';

const ID = 'spiffe://example.org/web';

describe('readX509Svids', () => {
  let ca: CertificateAuthority;
  let svid: { x509Svid: Uint8Array; x509SvidKey: Uint8Array; bundle: Uint8Array; spiffeId: string; hint: string };

  const der = (pem: string): Buffer => Buffer.concat(derBlocks(pem, 'CERTIFICATE'));
  const response = (
    init: Partial<{ svids: (typeof svid)[]; crl: Uint8Array[]; federatedBundles: Record<string, Uint8Array> }>,
  ) => {
    const type = messageType<X509SvidResponse>('X509SVIDResponse');
    return toBinary(type, create(type, { svids: [svid], ...init } as never));
  };
  const refused = (bytes: Uint8Array, message: RegExp) =>
    assert.throws(() => readX509Svids(bytes, {}, Date.now()), message);

  before(async () => {
    ca = await CertificateAuthority.create();
    const issued = await ca.issue({ uris: [ID] });
    const key = createPrivateKey(Buffer.from(issued.key.reveal()));
    svid = {
      spiffeId: ID,
      hint: '',
      x509Svid: der(issued.chain),
      x509SvidKey: key.export({ type: 'pkcs8', format: 'der' }),
      bundle: der(ca.root),
    };
  });

  it('reads the roots of each trust domain', () => {
    const other = svid.bundle;
    const { trust } = readX509Svids(
      response({ federatedBundles: { 'spiffe://other.example': other, plain: other } }),
      {},
      Date.now(),
    );
    assert.deepEqual([...(trust?.byTrustDomain?.keys() ?? [])].sort(), ['example.org', 'other.example', 'plain']);
    assert.equal(trust?.byTrustDomain?.get('example.org'), ca.root);
    assert.equal(trust?.crl, '');
  });

  it('refuses a response of which no use can be made, and says what is wrong with it', () => {
    const garbage = Uint8Array.of(1, 2, 3);
    refused(response({ svids: [] }), /no SVID/);
    refused(response({ svids: [{ ...svid, spiffeId: 'http://web' }] }), /"http:\/\/web" is no SPIFFE ID/);
    refused(
      response({ svids: [{ ...svid, spiffeId: `${ID}2` }] }),
      /the SVID of .*web2 .*: its certificate is for somebody else/,
    );
    refused(response({ svids: [{ ...svid, x509Svid: garbage }] }), /the SVID of .*cannot be used/);
    refused(response({ svids: [{ ...svid, x509Svid: new Uint8Array() }] }), /it has no certificate/);
    refused(response({ svids: [{ ...svid, x509SvidKey: garbage }] }), /x509_svid_key holds no private key/);
    refused(response({ svids: [{ ...svid, bundle: new Uint8Array() }] }), /the bundle of example.org is empty/);
    refused(
      response({ federatedBundles: { 'spiffe://other.example': garbage } }),
      /the bundle of other.example cannot be used/,
    );
    refused(response({ federatedBundles: { 'a b': svid.bundle } }), /"a b", which is no trust domain/);
    refused(garbage, /./);
  });

  it('tells an SVID that is not there from one that is bad', () => {
    assert.throws(() => readX509Svids(response({}), { hint: 'x' }, Date.now()), NoSuchSvid);
  });
});
