import { readFileSync } from 'node:fs';
import { type DataSource, SecretBytes, type SecretSource } from '@inmesh/core';
import type { FileContents } from '../files/followed-files.ts';
import type { MaterialParts, SourceReader } from '../material-parts.ts';

/** The variables of the process, or of a test. */
export type Environment = (variable: string) => string | undefined;

/** Files that the parts name, and the directories that are watched for them. */
export interface SourceFiles {
  readonly files: readonly string[];
  readonly directories: readonly string[];
}

export function sourceFiles({
  certificates,
  validation,
}: Pick<MaterialParts, 'certificates' | 'validation'>): SourceFiles {
  const files = new Set<string>();
  const directories = new Set<string>();
  const add = (sources: readonly (DataSource | SecretSource | null)[], watchedDirectory: string | null): void => {
    for (const source of sources) {
      if (source?.kind !== 'file') continue;
      files.add(source.path);
      if (source.watchedDirectory !== null) directories.add(source.watchedDirectory);
      if (watchedDirectory !== null) directories.add(watchedDirectory);
    }
  };
  for (const { certificate } of certificates) {
    const { certificateChain, privateKey, pkcs12, password, ocspStaple, watchedDirectory } = certificate;
    add([certificateChain, privateKey, pkcs12, password, ocspStaple], watchedDirectory);
  }
  if (validation !== null) {
    const { trustedCa, crl, watchedDirectory } = validation.context;
    add([trustedCa, crl], watchedDirectory);
  }
  return { files: [...files], directories: [...directories] };
}

/** Reads from the files as of one look; and a file that the parts name in the message of an extension from the disk, and remembers it. */
export class LookReader implements SourceReader {
  readonly #contents: FileContents;
  readonly #environment: Environment;
  readonly #more: Set<string>;

  /** `more` takes the names of files that are not among the contents. */
  constructor(contents: FileContents, environment: Environment, more: Set<string>) {
    this.#contents = contents;
    this.#environment = environment;
    this.#more = more;
  }

  read(source: DataSource): Uint8Array {
    return source.kind === 'inline' ? source.bytes : this.#elsewhere(source);
  }

  readSecret(source: SecretSource): SecretBytes {
    return source.kind === 'inline' ? source.bytes : new SecretBytes(this.#elsewhere(source));
  }

  #elsewhere(source: Exclude<DataSource, { readonly kind: 'inline' }>): Uint8Array {
    if (source.kind === 'environment') {
      const text = this.#environment(source.variable);
      if (text === undefined) throw new Error(`the environment variable ${source.variable} is not set`);
      return Buffer.from(text);
    }
    return this.#contents.get(source.path) ?? this.#fromDisk(source.path);
  }

  #fromDisk(path: string): Uint8Array {
    this.#more.add(path);
    try {
      return readFileSync(path);
    } catch (cause) {
      throw new Error(`${path} cannot be read: ${(cause as NodeJS.ErrnoException).code ?? cause}`, { cause });
    }
  }
}
