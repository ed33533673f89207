import type { InternalRedirectParts } from '../router/internal-redirect.ts';

function unused(): never {
  throw new Error('no route of this test follows redirects');
}

/** For a stack whose routes follow no redirects. */
export const NO_REDIRECTS: InternalRedirectParts = { directory: { lookup: unused }, again: unused };
