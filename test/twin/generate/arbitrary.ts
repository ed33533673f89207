import fc from 'fast-check';
import type { Answer, Pair } from '../case.ts';
import type { AnyAsk } from '../run-case.ts';
import { action, mutations } from './actions.ts';
import { override } from './filters.ts';
import { manager } from './manager.ts';
import { routeMatch } from './matches.ts';
import { authority, cookie, domain, headerName, headerValue, POINT_HEADER, path, point, query } from './words.ts';

/** A route configuration, and what is asked of it. */
export interface GeneratedCase {
  /** Fields of the RouteConfiguration, but for its name. */
  readonly config: { readonly virtual_hosts: readonly object[]; readonly [field: string]: unknown };
  /** Fields of the connection manager. */
  readonly manager: object;
  readonly asks: readonly AnyAsk[];
}

const route = fc
  .tuple(routeMatch, action, mutations, override)
  // Envoy refuses a prefix_rewrite where a policy matches the path.
  .filter(([match, does]) => !('path_match_policy' in match && JSON.stringify(does).includes('prefix_rewrite')))
  .map(([match, does, more, filters]) => ({ match, ...does, ...more, ...filters }));

/** What takes the rest, in most cases: that no route matches is one outcome among many. */
const rest = {
  match: { prefix: '/' },
  route: { cluster: 'three', retry_policy: { retry_on: 'retriable-4xx', num_retries: 0 } },
};

const virtualHost = fc
  .tuple(
    fc.uniqueArray(domain, { minLength: 1, maxLength: 3, selector: (each) => each.toLowerCase() }),
    fc
      .tuple(fc.array(route, { minLength: 1, maxLength: 5 }), fc.nat({ max: 3 }))
      .map(([routes, kind]): object[] => (kind === 0 ? routes : [...routes, rest])),
    mutations,
    override,
    fc.record(
      { include_request_attempt_count: fc.boolean(), include_attempt_count_in_response: fc.boolean() },
      { requiredKeys: [] },
    ),
  )
  .map(([domains, routes, more, filters, counts]) => ({ domains, routes, ...more, ...filters, ...counts }));

const config = fc
  .tuple(
    fc.array(virtualHost, { minLength: 1, maxLength: 3 }),
    mutations,
    fc.record(
      { ignore_port_in_host_matching: fc.boolean(), most_specific_header_mutations_wins: fc.boolean() },
      { requiredKeys: [] },
    ),
  )
  .map(([hosts, more, flags]) => ({ virtual_hosts: apart(hosts), ...more, ...flags }));

const answer: fc.Arbitrary<readonly Answer[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  { weight: 2, arbitrary: fc.array(someAnswer(), { minLength: 1, maxLength: 3 }) },
);

/** In a few requests, gRPC's among them. */
const contentType = fc.constantFrom<Pair[]>(
  [],
  [],
  [],
  [],
  [['content-type', 'application/grpc+proto']],
  [['content-type', 'text/plain']],
);

const cookies = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Pair[]>([]) },
  { weight: 1, arbitrary: cookie.map((value): Pair[] => [['cookie', value]]) },
);

/** What connection managers look at. */
const extra = fc.constantFrom<Pair[]>(
  [],
  [],
  [],
  [],
  [['x-forwarded-proto', 'https']],
  [['x-request-id', 'of-the-caller']],
  [['under_score', '1']],
  [['via', '1.1 before']],
);

const ask: fc.Arbitrary<AnyAsk> = fc
  .tuple(
    fc.constantFrom('GET', 'GET', 'GET', 'POST', 'HEAD', 'PUT', 'DELETE'),
    authority,
    path,
    query,
    fc
      .tuple(fc.array(fc.tuple(headerName, headerValue), { maxLength: 3 }), contentType, cookies, extra, point)
      .map(([some, type, crumbs, more, at]) => [...some, ...type, ...crumbs, ...more, [POINT_HEADER, at] as const]),
    fc.constantFrom('', 'body'),
    answer,
  )
  .map(([method, host, where, search, headers, body, answers]) => ({
    method,
    authority: host,
    path: `${where}${search}`,
    headers,
    body: body !== '' && (method === 'POST' || method === 'PUT') ? body : null,
    answer: answers,
    expected: null,
  }));

/** A valid route configuration and requests that have a fair chance to meet its routes. */
export const generatedCase: fc.Arbitrary<GeneratedCase> = fc.record({
  config,
  manager,
  asks: fc.array(ask, { minLength: 1, maxLength: 5 }),
});

function someAnswer(): fc.Arbitrary<Answer> {
  return fc
    .tuple(
      fc.constantFrom(200, 200, 204, 404, 409, 429, 500, 503, 504),
      fc.array(fc.tuple(headerName, headerValue), { maxLength: 2 }),
    )
    .map(([status, headers]) => ({ status, headers }));
}

/** Names, and each domain only once in all: Envoy refuses a second, and the first keeps it. */
function apart<H extends { readonly domains: readonly string[] }>(hosts: readonly H[]): object[] {
  const seen = new Set<string>();
  return hosts.flatMap((host, index) => {
    const domains = host.domains.filter((each) => !seen.has(each.toLowerCase()));
    for (const each of domains) seen.add(each.toLowerCase());
    return domains.length === 0 ? [] : [{ ...host, name: `host-${index}`, domains }];
  });
}
