import assert from 'node:assert/strict';
import { certificateGauges } from './certificate-gauges.ts';
import type { HeldCertificate } from './shared-context.ts';

const NOW = Date.UTC(2030, 0, 1);
const DAY_MS = 86_400_000;

function held(name: string, notAfter: number): HeldCertificate {
  return { source: `secret "${name}"`, name, serialNumber: '01', uris: [], notBefore: 0, notAfter };
}

describe('certificateGauges', () => {
  it('tells of each cluster when its certificates end, and of all when the first one does', () => {
    const own = [held('default', NOW + 1.5 * DAY_MS)];
    const roots = [held('ROOTCA', NOW + 9 * DAY_MS), held('ROOTCA', NOW + 5 * DAY_MS)];
    assert.deepEqual(
      certificateGauges(
        [
          { cluster: 'a', own, roots },
          { cluster: 'b', own: [], roots },
        ],
        NOW,
      ),
      {
        'server.days_until_first_cert_expiring': 1,
        'cluster.a.ssl.certificate.default.expiration_unix_time_seconds': (NOW + 1.5 * DAY_MS) / 1000,
        'cluster.a.ssl.certificate.ROOTCA.expiration_unix_time_seconds': (NOW + 5 * DAY_MS) / 1000,
        'cluster.b.ssl.certificate.ROOTCA.expiration_unix_time_seconds': (NOW + 5 * DAY_MS) / 1000,
      },
    );
  });

  it('says 0 of one that has ended, and the greatest number where there is none', () => {
    const ended = certificateGauges([{ cluster: 'a', own: [held('default', NOW - DAY_MS)], roots: [] }], NOW);
    assert.equal(ended['server.days_until_first_cert_expiring'], 0);
    assert.deepEqual(certificateGauges([], NOW), { 'server.days_until_first_cert_expiring': 4_294_967_295 });
  });
});
