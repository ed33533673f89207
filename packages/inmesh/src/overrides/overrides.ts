/** What calls ask for over what the feed says: for canaries and for finding faults. Services are named as calls name them, `reviews:9080`. */
export interface Overrides {
  /** Clusters of the feed in the place of those that routes choose: `{ 'reviews:9080': 'reviews-canary' }`. */
  readonly route?: { readonly [service: string]: string };
  /**
   * The one endpoint to call, `{ 'reviews:9080': '10.0.0.7:9080' }`, healthy or not; or any healthy one whose metadata (`envoy.lb`) says
   * so, `{ 'reviews:9080': { version: 'v2' } }`. Only among those that the feed names.
   */
  readonly endpoint?: { readonly [service: string]: string | { readonly [key: string]: unknown } };
  /** Set on calls to services of the mesh before their routes are chosen, in the place of the caller's own. */
  readonly headers?: { readonly [name: string]: string };
  /** Milliseconds in the place of the routes' timeouts; 0 for none. */
  readonly timeout?: number;
  /** False: one attempt, whatever becomes of it. */
  readonly retries?: false;
  /**
   * Tells the services that are called, in the header `x-inmesh-override`, so that they do the same with their calls, as far as they
   * accept it (`acceptOverrides`). Default false: most services do not know the header.
   */
  readonly passOn?: boolean;
}

/** What this process takes from requests that come to it. `'*'` stands for any service, cluster or header. */
export interface OverrideRules {
  /** Clusters that may take the calls of a service: `{ 'reviews:9080': ['reviews-canary'] }`. Default: none. */
  readonly route?: { readonly [service: string]: readonly string[] };
  /** Services whose endpoint may be chosen. Default: none. */
  readonly endpoint?: readonly string[];
  /** Headers that may be set. Default: none. */
  readonly headers?: readonly string[];
  /** Default false. */
  readonly timeout?: boolean;
  /** Default false. */
  readonly retries?: boolean;
}
