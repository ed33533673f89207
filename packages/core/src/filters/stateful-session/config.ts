/** envoy.extensions.filters.http.stateful_session.v3.StatefulSession */
export interface StatefulSessionConfig {
  /** Null: nothing is done. */
  readonly state: SessionStateConfig | null;
  /** A host that may not be called fails the call, instead of another being chosen. */
  readonly strict: boolean;
  /** Status of that failure; default 503. */
  readonly strictStatus: number;
}

/** Where a caller keeps the host that its session is on. */
export type SessionStateConfig =
  | { readonly kind: 'cookie'; readonly cookie: SessionCookie }
  | { readonly kind: 'header'; readonly name: string }
  /** Around a value that the server itself gives. */
  | { readonly kind: 'envelope'; readonly name: string };

/** envoy.type.http.v3.Cookie */
export interface SessionCookie {
  readonly name: string;
  /** Empty for any. */
  readonly path: string;
  /** Seconds; 0 for as long as the caller likes. */
  readonly ttl: number;
  readonly attributes: readonly { readonly name: string; readonly value: string }[];
}
