import { about, all, at, many, none, type Phase } from './claims.ts';

const REVIEWS = 'http://reviews:9080/reviews/7';
const RATINGS = 'http://ratings:9080/ratings';

const ok = (statuses: readonly number[]) => statuses.filter((status) => status === 200).length;

export const phases: readonly Phase[] = [
  {
    title: 'A header chooses the route',
    async play({ mesh, ledger }) {
      const jason = await many(100, () => mesh.fetch(REVIEWS, { headers: { 'end-user': 'jason' } }));
      const his = ledger.take();
      const anna = await many(100, () => mesh.fetch(REVIEWS, { headers: { 'end-user': 'anna' } }));
      const hers = ledger.take();
      return [
        all('all calls were answered', ok(jason) + ok(anna), 200),
        all('the calls of jason went to reviews-v2', at('reviews-v2', his).length, 100),
        all('the calls of anna went to reviews-v1', at('reviews-v1', hers).length, 100),
      ];
    },
  },
  {
    title: 'An old path is rewritten',
    async play({ mesh, ledger }) {
      await many(100, () => mesh.fetch('http://reviews:9080/api/v0/reviews/7?page=2'));
      const seen = at('reviews-v1', ledger.take());
      const rewritten = seen.filter(({ path }) => path === '/reviews/7?page=2');
      const told = seen.filter(({ headers }) => headers['x-envoy-original-path'] === '/api/v0/reviews/7?page=2');
      const marked = seen.filter(({ headers }) => headers['x-api'] === 'v0');
      return [
        all('they arrived at the new path, with their query', rewritten.length, 100),
        all('with the old path in x-envoy-original-path', told.length, 100),
        all('with the header of their route', marked.length, 100),
      ];
    },
  },
  {
    title: 'Faults are injected into tests, and nowhere else',
    async play({ mesh, ledger }) {
      const { flags } = mesh.statistics().mesh;
      const before = flags.FI ?? 0;
      const tested = await many(1_000, () => mesh.fetch(RATINGS, { headers: { 'x-test': '1' } }));
      const reached = ledger.take().length;
      const faults = tested.filter((status) => status === 503).length;
      const others = await many(300, () => mesh.fetch(RATINGS));
      ledger.take();
      return [
        about('a quarter of the tests failed', faults, 1_000, 0.25),
        all('those that failed never reached ratings', 1_000 - reached, faults),
        all('each has Envoy’s flag FI', (flags.FI ?? 0) - before, faults),
        none('of the others failed', 300 - ok(others), 300),
      ];
    },
  },
  {
    title: 'mesh.with tries a version that gets no calls',
    async play({ mesh, ledger }) {
      const call = () => mesh.fetch(REVIEWS);
      const canary = { route: { 'reviews:9080': 'reviews-v3' }, headers: { 'x-trial': '1' } };
      // Side by side: what holds in one chain of calls does not leak into the other.
      const [inside, outside] = await Promise.all([mesh.with(canary, () => many(200, call)), many(200, call)]);
      const seen = ledger.take();
      const tried = seen.filter(({ headers }) => headers['x-trial'] === '1');
      const prepared = at('reviews-v3', tried).filter(({ headers }) => headers['x-canary'] === '3');
      return [
        all('all calls were answered', ok(inside) + ok(outside), 400),
        all('those under mesh.with went to reviews-v3', at('reviews-v3', tried).length, 200),
        all('as its own route prepares them', prepared.length, 200),
        none('of the others did', at('reviews-v3', seen).length - at('reviews-v3', tried).length, 200),
      ];
    },
  },
  {
    title: 'Overrides are passed on to the next service, as far as it accepts them',
    async play({ mesh, ledger }) {
      const under = (cluster: string, passOn: boolean) =>
        mesh.with({ route: { 'ratings:9080': cluster }, passOn }, () => many(100, () => mesh.fetch(REVIEWS)));
      const accepted = await under('ratings-v2', true);
      const first = ledger.take();
      const kept = await under('ratings-v2', false);
      const second = ledger.take();
      const refused = await under('reviews-v1', true);
      const third = ledger.take();
      return [
        all('reviews asked ratings-v2 as the caller wished', at('ratings-v2', first).length, ok(accepted)),
        none('did where the wish was not passed on', at('ratings-v2', second).length, ok(kept)),
        all('what reviews do not accept is answered 403', refused.filter((status) => status === 403).length, 100),
        none('of these asked anybody further', third.length - at('reviews-v1', third).length, 100),
      ];
    },
  },
];
