import assert from 'node:assert/strict';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { cluster, host, to } from './support/feed.ts';
import { describeWithPeers } from './support/peers.ts';
import { type FeedContent, SharedFeed } from './support/shared-feed.ts';
import type { Outcome, Side } from './support/sides.ts';
import { PresentedCertificates, startServer } from './support/tls/presented.ts';
import { type ValidationCase, validationCases } from './support/tls/validation-cases.ts';

const UPSTREAM = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/**
 * A real Envoy and inmesh with the same validation contexts call the same servers, each of which presents another certificate: both
 * speak to the same ones, refuse the same ones, and count it by the same name. Each is called twice, over a new connection: Envoy resumes
 * its session where it can, and judges again. Where the two differ on purpose the case says so.
 */
describeWithPeers(['envoy'], 'the same validation contexts to Envoy and inmesh', () => {
  const closing: (() => void)[] = [];
  let feed: SharedFeed;
  let cases: readonly ValidationCase[];
  const ports = new Map<string, number>();

  before(async () => {
    const certificates = await PresentedCertificates.create();
    cases = validationCases(certificates);
    for (const { server } of cases) {
      if (ports.has(server)) continue;
      const presented = server === 'plain' ? null : certificates.get(server);
      const { port, close } = await startServer(
        presented === null
          ? null
          : { cert: presented.chain, key: presented.key, ciphers: 'DEFAULT:@SECLEVEL=0', keepAlive: false },
      );
      ports.set(server, port);
      closing.push(close);
    }
    feed = await SharedFeed.start(contentOf(cases, ports));
  });
  after(async () => {
    await feed?.stop();
    for (const close of closing) close();
  });

  it('are judged alike', async () => {
    const differences: string[] = [];
    for (const [index, { title, refused, inmesh = refused }] of cases.entries()) {
      for (const side of feed.sides) {
        const expected = side.name === 'envoy' ? refused : inmesh;
        const said = await verdictOf(side, feed, index);
        if (said.counter !== expected)
          differences.push(
            `${title}: ${side.name} says ${said.counter ?? 'good'} and not ${expected ?? 'good'}: ${said.body}`,
          );
      }
    }
    assert.deepEqual(differences, []);
  });

  it('and a server that was good under older rules is judged again under new ones, whatever connections and sessions there are', async () => {
    const at = cases.findIndex(({ title }) => title === 'the wanted name');
    const roots = cases[at]!.validation!.trusted_ca;
    const others: readonly [string, Record<string, unknown> | null][] = [
      [
        'fail_verify_san',
        {
          trusted_ca: roots,
          match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: 'spiffe://td.example/x' } }],
        },
      ],
      ['fail_verify_error', { trusted_ca: { inline_string: (await CertificateAuthority.create()).root } }],
    ];
    for (const [counter, validation] of others) {
      for (const side of feed.sides) assert.equal((await ask(side, at)).status, 200, side.name);
      await feed.change(contentOf(cases.with(at, { ...cases[at]!, validation }), ports));
      for (const side of feed.sides) {
        const before = await countsOf(side, feed, at);
        const { status, flags } = await ask(side, at);
        const after = await countsOf(side, feed, at);
        const counted = COUNTERS.filter((name) => (after.get(name) ?? 0) > (before.get(name) ?? 0));
        assert.deepEqual([status, flags, counted], [503, 'UF', [counter]], side.name);
      }
      await feed.change(contentOf(cases, ports));
    }
  });
});

function contentOf(cases: readonly ValidationCase[], ports: ReadonlyMap<string, number>): FeedContent {
  return {
    virtualHosts: cases.map((_, index) => host(nameOf(index), [`${nameOf(index)}.example`], [to(nameOf(index))])),
    resources: cases.flatMap(({ server, validation, more = {} }, index) =>
      cluster(nameOf(index), [ports.get(server)!], {
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: {
            '@type': UPSTREAM,
            common_tls_context: validation === null ? {} : { validation_context: validation },
            ...more,
          },
        },
      }),
    ),
  };
}

function ask(side: Side, index: number, headers: Record<string, string> = {}): Promise<Outcome> {
  return side.call({ authority: `${nameOf(index)}.example`, headers });
}

function nameOf(index: number): string {
  return `c${index}`;
}

async function verdictOf(
  side: Side,
  feed: SharedFeed,
  index: number,
): Promise<{ counter: string | null; body: string }> {
  const outcomes = [];
  for (let call = 0; call < 2; call++) {
    outcomes.push(await ask(side, index, { connection: 'close' }));
  }
  const [first, second] = outcomes;
  assert.equal(first?.status, second?.status, 'the second connection is judged as the first');
  if (first?.status === 200) return { counter: null, body: first.body };
  assert.deepEqual([first?.status, first?.flags], [503, 'UF']);
  return { counter: await counterOf(side, feed, index), body: first?.body ?? '' };
}

const COUNTERS = [
  'fail_verify_san',
  'fail_verify_cert_hash',
  'fail_verify_no_cert',
  'fail_verify_error',
  'connection_error',
];

async function counterOf(side: Side, feed: SharedFeed, index: number): Promise<string | null> {
  const counts = await countsOf(side, feed, index);
  return COUNTERS.find((name) => (counts.get(name) ?? 0) > 0) ?? null;
}

async function countsOf(side: Side, feed: SharedFeed, index: number): Promise<ReadonlyMap<string, number>> {
  return new Map(side.name === 'envoy' ? await envoyCounts(feed, index) : meshCounts(feed, index));
}

async function envoyCounts(feed: SharedFeed, index: number): Promise<Map<string, number>> {
  const response = await fetch(`${feed.envoy.admin}/stats?filter=^cluster\\.${nameOf(index)}\\.ssl\\.`);
  const lines = (await response.text()).split('\n').map((line) => /\.ssl\.(\w+): (\d+)$/.exec(line));
  return new Map(lines.flatMap((match) => (match === null ? [] : [[match[1]!, Number(match[2])]])));
}

function meshCounts(feed: SharedFeed, index: number): Map<string, number> {
  const ssl = feed.mesh.statistics().clusters[nameOf(index)]?.ssl ?? {};
  return new Map(Object.entries(ssl).filter((entry): entry is [string, number] => typeof entry[1] === 'number'));
}
