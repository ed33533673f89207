/** The name of a workload: `spiffe://<trust domain>/<path>`. */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Begins with a slash; empty for the trust domain itself. */
  readonly path: string;
}

const SPIFFE_ID = /^spiffe:\/\/([a-z0-9._-]{1,255})((?:\/[A-Za-z0-9._-]+)*)$/;
/** Bytes that every implementation must take. (SPIFFE-ID, section 2.3) */
const MAX_LENGTH = 2048;

/** Null for what is no SPIFFE ID: other schemes, user info, ports, queries, empty or relative segments. (SPIFFE-ID, section 2) */
export function parseSpiffeId(uri: string): SpiffeId | null {
  if (uri.length > MAX_LENGTH) return null;
  const match = SPIFFE_ID.exec(uri);
  if (match === null) return null;
  const [, trustDomain = '', path = ''] = match;
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return null;
  return { trustDomain, path };
}
