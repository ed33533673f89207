import fc from 'fast-check';
import { cookieName, fraction, headerName, headerValue, parameterName, path, pattern } from './words.ts';

/** envoy.type.matcher.v3.StringMatcher */
const stringMatch = fc.oneof(
  fc.record({ exact: headerValue, ignore_case: fc.boolean() }),
  fc.record({ prefix: nonEmpty(headerValue), ignore_case: fc.boolean() }),
  fc.record({ suffix: nonEmpty(headerValue), ignore_case: fc.boolean() }),
  fc.record({ contains: nonEmpty(headerValue), ignore_case: fc.boolean() }),
  fc.record({ safe_regex: fc.record({ regex: pattern }) }),
);

const pseudo = fc.constantFrom(':method', ':path', ':authority', ':scheme', 'host', 'x-forwarded-proto');

/** envoy.config.route.v3.HeaderMatcher, in its old forms and in its new one. */
const headerMatch = fc
  .tuple(
    fc.oneof({ weight: 5, arbitrary: headerName }, { weight: 1, arbitrary: pseudo }),
    fc.oneof(
      fc.record({ string_match: stringMatch }),
      fc.record({ present_match: fc.boolean() }),
      fc.record({ exact_match: nonEmpty(headerValue) }),
      fc.record({ prefix_match: nonEmpty(headerValue) }),
      fc.record({ suffix_match: nonEmpty(headerValue) }),
      fc.record({ contains_match: nonEmpty(headerValue) }),
      fc.record({ safe_regex_match: fc.record({ regex: pattern }) }),
      fc.record({
        range_match: fc.constantFrom({ start: '1', end: '10' }, { start: '-10', end: '0' }, { start: '2', end: '2' }),
      }),
      fc.constant({}),
    ),
    fc.record({ invert_match: fc.boolean(), treat_missing_header_as_empty: fc.boolean() }, { requiredKeys: [] }),
  )
  .map(([name, matcher, more]) => ({ name, ...matcher, ...more }));

/** envoy.config.route.v3.QueryParameterMatcher */
const parameterMatch = fc
  .tuple(
    parameterName,
    fc.oneof(fc.record({ string_match: stringMatch }), fc.record({ present_match: fc.boolean() }), fc.constant({})),
  )
  .map(([name, matcher]) => ({ name, ...matcher }));

/** envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig */
function uriTemplate(path_template: string): object {
  const type = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
  const typed_config = { '@type': `type.googleapis.com/${type}`, path_template };
  return { name: 'envoy.path.match.uri_template.uri_template_matcher', typed_config };
}

const template = fc.constantFrom('/{x}', '/a/{x}', '/{x}/b', '/**', '/a/*', '/{x=a/*}/**', '/*/b/{y=**}');

/** envoy.config.route.v3.CookieMatcher */
const cookieMatch = fc.record({ name: cookieName, string_match: stringMatch });

const pathMatch = fc.oneof(
  { weight: 4, arbitrary: fc.record({ prefix: path }) },
  { weight: 2, arbitrary: fc.constant({ prefix: '/' }) },
  { weight: 3, arbitrary: fc.record({ path }) },
  { weight: 2, arbitrary: fc.record({ path_separated_prefix: path.filter(isSeparable) }) },
  { weight: 2, arbitrary: fc.record({ safe_regex: fc.record({ regex: pattern }) }) },
  { weight: 1, arbitrary: fc.record({ path_match_policy: template.map(uriTemplate) }) },
);

/** envoy.config.route.v3.RouteMatch */
export const routeMatch = fc
  .tuple(
    pathMatch,
    fc.record(
      {
        case_sensitive: fc.boolean(),
        headers: fc.array(headerMatch, { minLength: 1, maxLength: 2 }),
        query_parameters: fc.array(parameterMatch, { minLength: 1, maxLength: 2 }),
        cookies: fc.array(cookieMatch, { minLength: 1, maxLength: 2 }),
        runtime_fraction: fc.record({ default_value: fraction }),
        grpc: fc.constant({}),
      },
      { requiredKeys: [] },
    ),
    fc.nat({ max: 9 }),
  )
  // Most routes look at little beside the path: one that nothing matches proves nothing.
  .map(([where, more, keep]) => ({ ...where, ...only(more, keep) }));

/** One of the further conditions, or none. */
function only<T extends object>(conditions: T, keep: number): Partial<T> {
  const [name, value] = Object.entries(conditions)[keep] ?? [];
  return name === undefined ? {} : ({ [name]: value } as Partial<T>);
}

/** What Envoy asks of a `path_separated_prefix`: no slash at its end. */
function isSeparable(text: string): boolean {
  return text !== '/' && !text.endsWith('/') && !/[?#]/.test(text);
}

function nonEmpty(values: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return values.filter((value) => value !== '');
}
