import { outsideContext, type RegexEngine, type Secret } from '@inmesh/core';

type Mtls = typeof import('@inmesh/mtls');

/** The package, once it is there: a view of the runtime's own cache of modules. */
let mtls: Mtls | null = null;

/** Outside any request's context, because modules keep the one that they were loaded in. */
export async function loadMtls(): Promise<Mtls> {
  mtls ??= await outsideContext(() => import('@inmesh/mtls'));
  return mtls;
}

/** Throws for a secret of no use. Whoever asks for secrets has loaded what judges them; a stream that is kept for other threads alone may have not. */
export function judgeLoaded(secret: Secret, regex: RegexEngine): void {
  mtls?.judgeSecret(secret, regex);
}
