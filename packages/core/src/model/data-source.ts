/**
 * Bytes that must not be seen: a private key, a password. They come out by `reveal` alone; whoever logs, inspects or serializes
 * what holds them sees that there are some.
 */
export class SecretBytes {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** For whoever makes a TLS context or a credential of them, and for nobody else. */
  reveal(): Uint8Array {
    return this.#bytes;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }
}

/** Where bytes are; whoever reads a file reads it again when the watched directory changes. (envoy.config.core.v3.DataSource) */
export type DataSource<B = Uint8Array> =
  | { readonly kind: 'inline'; readonly bytes: B }
  | { readonly kind: 'file'; readonly path: string; readonly watchedDirectory: string | null }
  | { readonly kind: 'environment'; readonly variable: string };

/** A source of what must not be seen. */
export type SecretSource = DataSource<SecretBytes>;
