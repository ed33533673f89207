import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CertifiedKey } from '../identity.ts';

/** A folder of PEM files, and who writes them: one file after the other, or all at once. */
export interface PemFolder {
  readonly path: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  write(files: FolderContent): void;
  remove(): void;
}

export interface FolderContent {
  readonly chain: string | Uint8Array;
  readonly key: string | Uint8Array;
  readonly roots: string;
}

export function folderContent({ chain, key }: CertifiedKey, roots: string): FolderContent {
  return { chain, key: key.reveal(), roots };
}

/** Files that are written in place, one after the other, as most tools do. */
export function plainFolder(): PemFolder {
  const path = mkdtempSync(join(tmpdir(), 'inmesh-pem-'));
  return {
    ...names(path),
    write: (content) => writeFiles(path, content),
    remove: () => rmSync(path, { recursive: true }),
  };
}

/** Links into a folder that is itself a link, which is swapped: a mounted Secret of Kubernetes. */
export function swappedFolder(): PemFolder {
  const path = mkdtempSync(join(tmpdir(), 'inmesh-pem-'));
  let version = 0;
  const { certFile, keyFile, caFile } = names(path);
  for (const file of [certFile, keyFile, caFile]) symlinkSync(file.replace(path, '..data'), file);
  return {
    ...names(path),
    write(content) {
      const name = `..v${++version}`;
      mkdirSync(join(path, name));
      writeFiles(join(path, name), content);
      symlinkSync(name, join(path, '..data_tmp'));
      renameSync(join(path, '..data_tmp'), join(path, '..data'));
      if (version > 1) rmSync(join(path, `..v${version - 1}`), { recursive: true });
    },
    remove: () => rmSync(path, { recursive: true }),
  };
}

function names(path: string): Pick<PemFolder, 'path' | 'certFile' | 'keyFile' | 'caFile'> {
  return { path, certFile: join(path, 'tls.crt'), keyFile: join(path, 'tls.key'), caFile: join(path, 'ca.crt') };
}

function writeFiles(path: string, { chain, key, roots }: FolderContent): void {
  const { certFile, keyFile, caFile } = names(path);
  writeFileSync(certFile, chain);
  writeFileSync(keyFile, key, { mode: 0o600 });
  writeFileSync(caFile, roots);
}
