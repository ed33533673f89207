const TLS = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';
const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** A policy that never applies: one attempt is what is looked at. */
export const NO_RETRY = 'retry_policy: { retry_on: retriable-4xx }';

/** Routes of a case, all calls going to one cluster. */
export function to(cluster: string, action: string = NO_RETRY): string {
  return `[{ match: { prefix: / }, route: { cluster: ${cluster}, ${action} } }]`;
}

/** A transport socket. `common`: fields of the CommonTlsContext, `context`: of the UpstreamTlsContext. */
export function tls(common: string = TRUSTED, context = ''): string {
  const fields = [`'@type': ${TLS}`, `common_tls_context: { ${common} }`, context].filter((each) => each !== '');
  return `{ name: tls, typed_config: { ${fields.join(', ')} } }`;
}

/** Rules for the server; `more`: beside the authority that is trusted. */
export function trusting(more = '', file = 'root.pem'): string {
  return `validation_context: { trusted_ca: { filename: '{{folder}}/${file}' }${more === '' ? '' : `, ${more}`} }`;
}

export const TRUSTED = trusting();

export const CALLER =
  "tls_certificates: [{ certificate_chain: { filename: '{{folder}}/caller.pem' }, private_key: { filename: '{{folder}}/caller.key' } }]";

/** Fields of a cluster: the protocol options with some of HttpProtocolOptions. */
export function protocol(choice: string, more = ''): string {
  const fields = [`'@type': type.googleapis.com/${OPTIONS}`, choice, more].filter((each) => each !== '');
  return `typed_extension_protocol_options: { ${OPTIONS}: { ${fields.join(', ')} } }`;
}

export const HTTP1 = 'explicit_http_config: { http_protocol_options: {} }';
export const HTTP2 = 'explicit_http_config: { http2_protocol_options: {} }';
export const AUTO = 'auto_config: { http_protocol_options: {}, http2_protocol_options: {} }';
export const DOWNSTREAM = 'use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options: {} }';
