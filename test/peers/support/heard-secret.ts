import type { SdsSecretRef, Secret } from '@inmesh/core';
import type { SdsServers } from '../../../packages/inmesh/src/secrets/sds-servers.ts';
import { until } from './until.ts';

/** Watches a secret, and keeps what is said of it. */
export class HeardSecret {
  readonly said: string[] = [];
  current: Secret | null = null;
  readonly unwatch: () => void;

  constructor(servers: SdsServers, ref: SdsSecretRef) {
    this.unwatch = servers.watch(ref, {
      changed: (secret) => {
        this.current = secret;
        this.said.push('changed');
      },
      resourceError: (error) => this.said.push(`missing: ${error.message}`),
      ambientError: (error) => this.said.push(`trouble: ${error.message}`),
      recovered: () => this.said.push('recovered'),
    });
  }

  /** PEM of the chain or of the roots; empty for none. */
  get pem(): string {
    const secret = this.current;
    const source =
      secret?.kind === 'tls_certificate'
        ? secret.certificate.certificateChain
        : secret?.kind === 'validation_context'
          ? secret.validation.trustedCa
          : null;
    return source?.kind === 'inline' ? Buffer.from(source.bytes).toString() : '';
  }

  async holds(pem: string): Promise<void> {
    await until(`the secret is what was served; said: ${this.said.join(' | ')}`, () => this.pem === pem);
  }

  async hears(pattern: RegExp): Promise<string> {
    return until(
      `${pattern} among ${this.said.join(' | ')}`,
      () => this.said.find((each) => pattern.test(each)) ?? null,
    );
  }
}
