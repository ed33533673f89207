import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority } from '@inmesh/mtls/ca';
import { TestTrust } from '../../peers/support/tls/trust.ts';

const HOUR_MS = 3_600_000;

/** What a server presents. */
export interface Presented {
  readonly chain: string;
  readonly key: string;
}

export type PresentedName = 'good' | 'expired' | 'of a stranger' | 'of a client';

/**
 * What recorders present that listen in their own way, and the files by which clusters of cases trust them: `root.pem`, `caller.pem`,
 * `caller.key`, and `stranger.pem`, an authority of the same name that none of them is from.
 */
export class TwinCertificates implements Disposable {
  readonly folder: string;
  readonly root: string;
  readonly #trust: TestTrust;
  readonly #presented: Readonly<Record<PresentedName, Presented>>;

  private constructor(trust: TestTrust, folder: string, presented: Readonly<Record<PresentedName, Presented>>) {
    this.#trust = trust;
    this.folder = folder;
    this.root = trust.authority.root;
    this.#presented = presented;
  }

  static async create(): Promise<TwinCertificates> {
    const trust = await TestTrust.create('servers.test');
    const names = { dnsNames: ['server.test', '*.wild.test', 'shop'] };
    const stranger = await CertificateAuthority.create({ commonName: 'CA of servers.test' });
    const now = Date.now();
    const old = { notBefore: now - 2 * HOUR_MS, notAfter: now - HOUR_MS };
    const presented = {
      good: await trust.identity('server', names),
      expired: await trust.identity('server', { ...names, ...old }),
      'of a stranger': await trust.identity('server', names, stranger),
      'of a client': await trust.identity('server', { ...names, usages: ['client'] }),
    };
    const caller = await trust.identity('caller');
    const write = (name: string, text: string) => writeFileSync(join(caller.folder, name), text, { mode: 0o600 });
    write('root.pem', trust.authority.root);
    write('stranger.pem', stranger.root);
    write('caller.pem', caller.chain);
    write('caller.key', caller.key);
    return new TwinCertificates(trust, caller.folder, presented);
  }

  get(name: PresentedName): Presented {
    return this.#presented[name];
  }

  [Symbol.dispose](): void {
    this.#trust[Symbol.dispose]();
  }
}
