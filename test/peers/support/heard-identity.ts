import { X509Certificate } from 'node:crypto';
import type { Identity, IdentityProvider } from 'inmesh/identity';
import { until } from './until.ts';

/** Watches a source of identities, and keeps what it says. */
export class HeardIdentity {
  readonly said: string[] = [];
  current: Identity | null = null;
  readonly unwatch: () => void;

  constructor(provider: IdentityProvider) {
    this.unwatch = provider.watch({
      changed: (identity) => {
        this.current = identity;
        this.said.push('changed');
      },
      resourceError: (error) => {
        this.current = null;
        this.said.push(`lost: ${error.message}`);
      },
      ambientError: (error) => {
        this.said.push(`trouble: ${error.message}`);
      },
      recovered: () => {
        this.said.push('recovered');
      },
    });
  }

  /** The leaf that is in force; null for none. */
  get leaf(): X509Certificate | null {
    const certificate = this.current?.certificate ?? null;
    return certificate === null ? null : new X509Certificate(certificate.chain);
  }

  /** Waits for something that was said from now on or, with `from`, from there on. */
  async hears(pattern: RegExp, from = 0): Promise<string> {
    return until(`${pattern} among ${this.said.slice(from).join(' | ')}`, () => {
      return this.said.slice(from).find((each) => pattern.test(each)) ?? null;
    });
  }

  /** Waits until the leaf's serial number is this one (hexadecimal). */
  async holds(serial: string): Promise<void> {
    await until(`the certificate ${serial} is in force`, () => {
      return this.leaf !== null && BigInt(`0x${this.leaf.serialNumber}`) === BigInt(`0x${serial}`);
    });
  }
}
