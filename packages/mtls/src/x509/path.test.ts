import assert from 'node:assert/strict';
import { CertificateAuthority, derBlocks } from '../ca/index.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { judgePath, type PathRules } from './path.ts';

const read = (pem: string): Certificate[] => derBlocks(pem, 'CERTIFICATE').map((der) => readCertificate(der));
const rules = (more: Partial<PathRules> = {}): PathRules => ({
  now: Date.now(),
  role: 'server',
  maxIntermediates: 10,
  revocation: null,
  ...more,
});

describe('judgePath', () => {
  let root: CertificateAuthority;
  before(async () => {
    root = await CertificateAuthority.create();
  });

  it('finds the path among what was sent, whatever its order and whatever else is there', async () => {
    const first = await root.intermediate();
    const second = await first.intermediate();
    const [leaf, ...others] = read((await second.issue()).chain);
    const noise = read((await CertificateAuthority.create()).root);
    assert.equal(judgePath(leaf!, [...noise, ...others.toReversed(), leaf!], read(root.root), rules()), null);
  });

  it('goes on where one of two of the same name has signed, and the other has not', async () => {
    const names = { commonName: 'the same' };
    const right = await root.intermediate(names);
    const wrong = await root.intermediate(names);
    const [leaf] = read((await right.issue()).chain);
    const others = [...read(wrong.certificate), ...read(right.certificate)];
    assert.equal(judgePath(leaf!, others, read(root.root), rules()), null);
    assert.equal(
      judgePath(leaf!, read(wrong.certificate), read(root.root), rules()),
      'unable to get local issuer certificate',
    );
  });

  it('takes any of the roots', async () => {
    const stranger = await CertificateAuthority.create();
    const [leaf] = read((await root.issue()).chain);
    assert.equal(judgePath(leaf!, [], [...read(stranger.root), ...read(root.root)], rules()), null);
    assert.notEqual(judgePath(leaf!, read(root.root), read(stranger.root), rules()), null);
    assert.notEqual(judgePath(leaf!, read(root.root), [], rules()), null);
  });

  it('counts authorities between leaf and root', async () => {
    const first = await root.intermediate();
    const second = await first.intermediate();
    const [leaf, ...others] = read((await second.issue()).chain);
    assert.equal(judgePath(leaf!, others, read(root.root), rules({ maxIntermediates: 2 })), null);
    assert.equal(
      judgePath(leaf!, others, read(root.root), rules({ maxIntermediates: 1 })),
      'certificate chain too long',
    );
    // One that is trusted itself ends the path.
    assert.equal(judgePath(leaf!, others, read(second.certificate), rules({ maxIntermediates: 0 })), null);
  });

  it('judges authorities as well: their validity, and whether they are any', async () => {
    const old = await root.intermediate({ notBefore: Date.UTC(2001, 0, 1), notAfter: Date.UTC(2002, 0, 1) });
    const [leaf, ...others] = read((await old.issue()).chain);
    assert.equal(judgePath(leaf!, others, read(root.root), rules()), 'certificate has expired');
    assert.equal(judgePath(leaf!, others, read(root.root), rules({ now: null })), null);
    const [other] = read((await root.issue()).chain);
    const posing = { ...others[0]!, authority: false };
    assert.equal(judgePath(leaf!, [posing], read(root.root), rules({ now: null })), 'invalid CA certificate');
    assert.equal(
      judgePath(other!, [], [{ ...read(root.root)[0]!, keyUsage: 0x01 }], rules()),
      'invalid CA certificate',
    );
  });

  it('refuses what it does not understand', async () => {
    const [leaf] = read((await root.issue()).chain);
    const judged = (more: Partial<Certificate>) => judgePath({ ...leaf!, ...more }, [], read(root.root), rules());
    assert.equal(judged({ unknownCritical: ['1.2.3'] }), 'unhandled critical extension 1.2.3');
    assert.equal(judged({ nameConstraints: true }), 'name constraints are not supported');
    assert.equal(
      judged({ signatureAlgorithm: '1.2.840.113549.1.1.5' }),
      'the signature algorithm 1.2.840.113549.1.1.5 is not accepted',
    );
  });

  it('knows the usage of servers from that of clients', async () => {
    const [server] = read((await root.issue({ usages: ['server'] })).chain);
    assert.equal(judgePath(server!, [], read(root.root), rules()), null);
    assert.equal(judgePath(server!, [], read(root.root), rules({ role: 'client' })), 'unsupported certificate purpose');
    const [any] = read((await root.issue({ usages: [] })).chain);
    assert.equal(judgePath(any!, [], read(root.root), rules({ role: 'client' })), null);
  });
});
