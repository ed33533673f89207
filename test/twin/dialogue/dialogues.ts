import type { Dialogue } from './dialogue.ts';

const all = (routes: string) => `[{ name: all, domains: ['*'], routes: [${routes}] }]`;
const to = (cluster: string, prefix = '/') =>
  `{ match: { prefix: ${prefix} }, route: { cluster: ${cluster}, ${NO_RETRY} } }`;
const NO_RETRY = 'retry_policy: { retry_on: retriable-4xx }';
const weighted = (a: number, b: number) =>
  `{ match: { prefix: / }, route: { weighted_clusters: { clusters: [{ name: A, weight: ${a} }, { name: B, weight: ${b} }] } } }`;
const answer = (text: string) =>
  `{ match: { prefix: / }, direct_response: { status: 200, body: { inline_string: ${text} } } }`;

/** The feed changes, and both follow. */
export const dialogues: readonly Dialogue[] = [
  {
    name: 'endpoints change',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { endpoints: { A: ['two'] }, asks: ['GET / -> 200 two', 'GET / -> 200 two'] },
      { endpoints: { A: [] }, asks: ['GET / -> 503 UH'] },
      { endpoints: { A: ['three'] }, asks: ['GET / -> 200 three'] },
      { endpoints: { A: ['refused'] }, asks: ['GET / -> 503 UF x0'] },
      { endpoints: { A: ['one'] }, asks: ['GET / -> 200 one'] },
    ],
  },
  {
    name: 'a route moves to another cluster, and back',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'], B: ['two'] }, asks: ['GET / -> 200 one'] },
      { routes: all(to('B')), asks: ['GET / -> 200 two'] },
      { routes: all(to('A')), asks: ['GET / -> 200 one'] },
    ],
  },
  {
    name: 'first the cluster, then its route',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { clusters: { B: ['two'] }, asks: ['GET / -> 200 one'] },
      { routes: all(to('B')), asks: ['GET / -> 200 two'] },
      { clusters: { A: null }, asks: ['GET / -> 200 two'] },
    ],
  },
  {
    name: 'first the route, then its cluster',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { routes: all(to('B')), asks: ['GET / -> 503 NC'] },
      { clusters: { B: ['two'] }, asks: ['GET / -> 200 two'] },
    ],
  },
  {
    name: 'all at once',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { routes: all(to('B')), clusters: { A: null, B: ['two'] }, asks: ['GET / -> 200 two'] },
      { routes: all(to('A')), clusters: { A: ['three'], B: null }, asks: ['GET / -> 200 three'] },
    ],
  },
  {
    name: 'a cluster is taken away and comes again',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { clusters: { A: null }, asks: ['GET / -> 503 NC'] },
      { clusters: { A: ['two'] }, asks: ['GET / -> 200 two'] },
      { clusters: { A: null }, asks: ['GET / -> 503 NC'] },
      { clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
    ],
  },
  {
    name: 'a cluster changes and keeps its endpoints',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { fields: { A: '{ connect_timeout: 3s, lb_policy: LEAST_REQUEST }' }, asks: ['GET / -> 200 one'] },
      { fields: { A: '{ connect_timeout: 4s }' }, endpoints: { A: ['two'] }, asks: ['GET / -> 200 two'] },
    ],
  },
  {
    name: 'weights go to zero and back',
    steps: [
      {
        routes: all(weighted(1, 0)),
        clusters: { A: ['one'], B: ['two'] },
        asks: ['GET / -> 200 one', 'GET / -> 200 one'],
      },
      { routes: all(weighted(0, 1)), asks: ['GET / -> 200 two', 'GET / -> 200 two'] },
      { routes: all(weighted(1, 0)), asks: ['GET / -> 200 one'] },
    ],
  },
  {
    name: 'weights that sum to nothing are refused, and the last ones stay',
    steps: [
      { routes: all(weighted(0, 1)), clusters: { A: ['one'], B: ['two'] }, asks: ['GET / -> 200 two'] },
      { routes: all(weighted(0, 0)), refused: true, asks: ['GET / -> 200 two'] },
      { routes: all(weighted(1, 0)), asks: ['GET / -> 200 one'] },
    ],
  },
  {
    name: 'a weighted cluster that is not there',
    steps: [
      { routes: all(weighted(1, 0)), clusters: { A: ['one'], B: ['two'] }, asks: ['GET / -> 200 one'] },
      { routes: all(weighted(0, 1)), clusters: { B: null }, asks: ['GET / -> 503 NC'] },
      { clusters: { B: ['three'] }, asks: ['GET / -> 200 three'] },
    ],
  },
  {
    name: 'virtual hosts come, are renamed, and go',
    steps: [
      {
        routes: `[{ name: a, domains: [a], routes: [${answer('first')}] }]`,
        asks: ['GET a/ -> 200 "first"', 'GET b/ -> 404 NR'],
      },
      {
        routes: `[{ name: a, domains: [a], routes: [${answer('first')}] }, { name: b, domains: [b], routes: [${answer('second')}] }]`,
        asks: ['GET a/ -> 200 "first"', 'GET b/ -> 200 "second"'],
      },
      {
        routes: `[{ name: b, domains: [a], routes: [${answer('second')}] }, { name: a, domains: [b], routes: [${answer('first')}] }]`,
        asks: ['GET a/ -> 200 "second"', 'GET b/ -> 200 "first"'],
      },
      {
        routes: `[{ name: c, domains: ['*'], routes: [${answer('third')}] }]`,
        asks: ['GET a/ -> 200 "third"', 'GET b/ -> 200 "third"'],
      },
      { routes: '[]', asks: ['GET a/ -> 404 NR'] },
    ],
  },
  {
    name: 'a refused update in the middle: two virtual hosts with one domain',
    steps: [
      { routes: all(answer('good')), asks: ['GET / -> 200 "good"'] },
      {
        routes: `[{ name: a, domains: ['*'], routes: [${answer('bad')}] }, { name: b, domains: ['*'], routes: [${answer('bad')}] }]`,
        refused: true,
        asks: ['GET / -> 200 "good"'],
      },
      { routes: all(answer('better')), asks: ['GET / -> 200 "better"'] },
    ],
  },
  {
    name: 'a refused update in the middle: a pattern that is none',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET /x -> 200 one'] },
      {
        routes: all(`{ match: { safe_regex: { regex: '(' } }, ${'direct_response: { status: 200 }'} }`),
        refused: true,
        asks: ['GET /x -> 200 one'],
      },
      { endpoints: { A: ['two'] }, asks: ['GET /x -> 200 two'] },
    ],
  },
  {
    name: 'a refused cluster leaves the one before in force',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { fields: { A: '{ connect_timeout: 0s }' }, refused: true, asks: ['GET / -> 200 one'] },
      { endpoints: { A: ['two'] }, asks: ['GET / -> 200 two'] },
    ],
  },
  {
    name: 'the listener goes and comes again',
    steps: [
      { routes: all(answer('here')), asks: ['GET / -> 200 "here"'] },
      { manager: null },
      { manager: '{}', asks: ['GET / -> 200 "here"'] },
    ],
  },
  {
    name: 'routes change while the listener is away',
    steps: [
      { routes: all(answer('before')), asks: ['GET / -> 200 "before"'] },
      { manager: null },
      { routes: all(answer('after')), manager: null },
      { manager: '{}', asks: ['GET / -> 200 "after"'] },
    ],
  },
  {
    name: 'endpoints go while a call is under way',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { endpoints: { A: ['two'] }, during: 'GET /slow -> 200 one', asks: ['GET / -> 200 two'] },
    ],
  },
  {
    name: 'the route moves while a call is under way',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'], B: ['two'] }, asks: ['GET / -> 200 one'] },
      { routes: all(to('B')), during: 'GET /slow -> 200 one', asks: ['GET / -> 200 two'] },
      { routes: '[]', during: 'GET /slow -> 200 two', asks: ['GET / -> 404 NR'] },
    ],
  },
  {
    name: 'the cluster goes while a call is under way',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      { clusters: { A: null }, during: 'GET /slow -> 200 one', asks: ['GET / -> 503 NC'] },
    ],
  },
  {
    name: 'the cluster changes while a call is under way',
    steps: [
      { routes: all(to('A')), clusters: { A: ['one'] }, asks: ['GET / -> 200 one'] },
      {
        fields: { A: '{ connect_timeout: 3s }' },
        endpoints: { A: ['two'] },
        during: 'GET /slow -> 200 one',
        asks: ['GET / -> 200 two'],
      },
    ],
  },
];
