import { createHash } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';

export type MakeSecureContext = (options: SecureContextOptions) => SecureContext;

/**
 * OpenSSL's contexts by what they are made of. Each takes half a millisecond to make, and 120 KB; in a feed of a sidecar all clusters
 * have the same certificate and roots, and differ in the names that they expect, which are judged elsewhere. One that nobody uses any more goes.
 */
export class SecureContexts {
  readonly #made = new Map<string, WeakRef<SecureContext>>();
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#made.get(key)?.deref() === undefined) this.#made.delete(key);
  });

  readonly make: MakeSecureContext = (options) => {
    const key = createHash('sha256').update(JSON.stringify(options)).digest('base64');
    const known = this.#made.get(key)?.deref();
    if (known !== undefined) return known;
    const made = createSecureContext(options);
    this.#made.set(key, new WeakRef(made));
    this.#collected.register(made, key);
    return made;
  };
}
