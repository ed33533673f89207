// Words that cases about HTTP filters are written in.

const TYPE = 'type.googleapis.com/envoy.extensions.filters.http';

export const toOne = '[{ match: { prefix: / }, route: { cluster: one } }]';
export const always = 'percentage: { numerator: 100 }';
export const never = 'percentage: { numerator: 0 }';
/** Of a runtime share. */
export const all = 'default_value: { numerator: 100 }';

export const FAULT = 'fault.v3.HTTPFault';
export const MUTATION = 'header_mutation.v3.HeaderMutation';
export const LIMIT = 'local_ratelimit.v3.LocalRateLimit';

/** An entry of `http_filters`, with what it says as flow YAML. */
export function filter(name: string, type: string, config = '{}', entry = ''): string {
  return `{ name: ${name}, ${entry}typed_config: ${typed(type, config)} }`;
}

/** A configuration; `type` is below `envoy.extensions.filters.http`. */
export function typed(type: string, config = '{}'): string {
  return typedAs(`${TYPE}.${type}`, config);
}

/** One of any type. */
export function typedAs(type: string, config = '{}'): string {
  const fields = config.trim().slice(1, -1).trim();
  const url = type.startsWith('type.googleapis.com/') ? type : `type.googleapis.com/${type}`;
  return `{ '@type': ${url}${fields === '' ? '' : `, ${fields}`} }`;
}

export function perRoute(entries: string): string {
  return `typed_per_filter_config: { ${entries} }`;
}

export function mutation(mutations: string, entry = ''): string {
  return filter('envoy.filters.http.header_mutation', MUTATION, `{ mutations: ${mutations}${entry} }`);
}

export function append(key: string, value: string, action = 'APPEND_IF_EXISTS_OR_ADD'): string {
  return `{ append: { header: { key: '${key}', value: '${value}' }, append_action: ${action} } }`;
}

/** A local rate limit that is enabled and enforced. */
export function limit(config: string): string {
  return filter(
    'envoy.filters.http.local_ratelimit',
    LIMIT,
    `{ stat_prefix: l, filter_enabled: { ${all} }, filter_enforced: { ${all} }, ${config} }`,
  );
}

/** One that does not fill again while a case runs. */
export function bucket(tokens: number): string {
  return `token_bucket: { max_tokens: ${tokens}, fill_interval: 3600s }`;
}

/** Shows what is in the metadata, in headers `x-m0`, `x-m1` … that arrive upstream. */
export function shown(...keys: string[]): string {
  return mutation(
    `{ request_mutations: [${keys.map((key, index) => append(`x-m${index}`, `%DYNAMIC_METADATA(${key})%`)).join(', ')}] }`,
  );
}
