/** envoy.type.matcher.v3.RegexMatchAndSubstitute */
export interface RegexSubstitution {
  /** Of RE2. */
  readonly pattern: string;
  /** `\1` to `\9` stand for the groups, `\0` for the whole. */
  readonly substitution: string;
}

/** What takes the place of the path, or of a part of it. */
export type PathRewrite =
  /** Of what the route matched: the prefix, or the whole path where it matched that. (prefix_rewrite) */
  | { readonly kind: 'prefix'; readonly value: string }
  /** Of every match in the path without its query. (regex_rewrite) */
  | ({ readonly kind: 'regex' } & RegexSubstitution)
  /** Of the path without its query, made of the variables of the template that the route matched. (path_rewrite_policy) */
  | { readonly kind: 'uri_template'; readonly value: string }
  /** Of the path without its query: a substitution format string. (path_rewrite) */
  | { readonly kind: 'format'; readonly value: string };

/** What takes the place of the authority. */
export type HostRewrite =
  | { readonly kind: 'literal'; readonly value: string }
  /** The value of a request header, where there is one; the name in lower case. (host_rewrite_header) */
  | { readonly kind: 'header'; readonly name: string }
  /** Made from the path without its query. (host_rewrite_path_regex) */
  | ({ readonly kind: 'path_regex' } & RegexSubstitution)
  /** A substitution format string. (host_rewrite) */
  | { readonly kind: 'format'; readonly value: string }
  /** The host name of the chosen endpoint, where it has one. (auto_host_rewrite) */
  | { readonly kind: 'auto' };

/** envoy.config.route.v3.RedirectAction */
export interface RedirectAction {
  readonly kind: 'redirect';
  readonly status: 301 | 302 | 303 | 307 | 308;
  /** Empty to keep the request's. */
  readonly scheme: string;
  /** Empty to keep the request's. */
  readonly host: string;
  /** 0 to keep the request's, as far as it is not the scheme's own. */
  readonly port: number;
  /** Null to keep the request's. `replace` with a query of its own takes the place of the request's query too. */
  readonly path: PathRewrite | { readonly kind: 'replace'; readonly value: string } | null;
  readonly stripQuery: boolean;
}
