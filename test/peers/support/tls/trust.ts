import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CertificateAuthority, type IssueOptions } from '@inmesh/mtls/ca';

/** An identity as files, in the words of Istio. */
export interface IdentityFiles {
  /** Of the URI name, where it was given none other. */
  readonly spiffeId: string;
  readonly folder: string;
  readonly chainFile: string;
  readonly keyFile: string;
  readonly rootFile: string;
  /** PEM. */
  readonly chain: string;
  readonly key: string;
  readonly root: string;
}

/** A trust domain that is made for a test: its authority, and the identities of workloads in a folder that goes with it. */
export class TestTrust implements Disposable {
  readonly domain: string;
  readonly authority: CertificateAuthority;
  readonly #folder = mkdtempSync(join(tmpdir(), 'inmesh-trust-'));
  #count = 0;

  private constructor(domain: string, authority: CertificateAuthority) {
    this.domain = domain;
    this.authority = authority;
  }

  static async create(domain = 'mesh.test'): Promise<TestTrust> {
    return new TestTrust(domain, await CertificateAuthority.create({ commonName: `CA of ${domain}` }));
  }

  idOf(account: string): string {
    return `spiffe://${this.domain}/ns/default/sa/${account}`;
  }

  /** An identity of this trust domain; `authority`: another one that issues it, such as an intermediate one or an impostor's. */
  async identity(account: string, options: IssueOptions = {}, authority = this.authority): Promise<IdentityFiles> {
    const spiffeId = this.idOf(account);
    const { chain, key } = await authority.issue({ uris: [spiffeId], ...options });
    return this.write(account, {
      spiffeId,
      chain,
      key: Buffer.from(key.reveal()).toString(),
      root: this.authority.root,
    });
  }

  write(account: string, pem: Pick<IdentityFiles, 'spiffeId' | 'chain' | 'key' | 'root'>): IdentityFiles {
    const folder = mkdtempSync(join(this.#folder, `${account}-${++this.#count}-`));
    const files = {
      ...pem,
      folder,
      chainFile: join(folder, 'cert-chain.pem'),
      keyFile: join(folder, 'key.pem'),
      rootFile: join(folder, 'root-cert.pem'),
    };
    writeFileSync(files.chainFile, files.chain);
    writeFileSync(files.keyFile, files.key, { mode: 0o600 });
    writeFileSync(files.rootFile, files.root);
    return files;
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A file that is there in one step: one that watches it sees it whole. */
export function replaceFile(path: string, content: string): void {
  writeFileSync(`${path}.part`, content);
  renameSync(`${path}.part`, path);
}
