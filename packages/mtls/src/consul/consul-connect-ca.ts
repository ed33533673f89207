import type { Clock, Random, Unwatch, Watcher } from '@inmesh/core';
import type { CertifiedKey, Identity, IdentityProvider } from '../identity.ts';
import { identityError } from '../identity-error.ts';
import { certificatesOf, readPemPair } from '../providers/pem-pair.ts';
import { sameIdentity } from '../same-identity.ts';
import { type Teller, WatchedSource } from '../watched-source.ts';
import type { ConsulGet } from './agent-http.ts';
import { BlockingQuery } from './blocking-query.ts';

export interface ConsulConnectCaParts {
  readonly get: ConsulGet;
  /** For errors. */
  readonly address: string;
  /** Whose certificate it is. */
  readonly service: string;
  /** `ns`, `partition`, `dc`: what is not given is the agent's own. */
  readonly scope: { readonly [parameter: string]: string };
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

const API = '/v1/agent/connect/ca';

/**
 * An identity from Consul's service mesh: leaf and roots are followed by blocking queries; the agent makes and renews the key and the leaf, and
 * its CA may rotate: the roots then are those of both. What was in force stays so while the agent is away.
 */
export class ConsulConnectCa implements IdentityProvider {
  readonly #identity: WatchedSource<Identity>;

  constructor(parts: ConsulConnectCaParts) {
    this.#identity = new WatchedSource((teller) => follow(parts, teller), sameIdentity, parts.onError);
  }

  watch(watcher: Watcher<Identity>): Unwatch {
    return this.#identity.watch(watcher);
  }
}

function follow(parts: ConsulConnectCaParts, teller: Teller<Identity>): () => void {
  const { service, scope, address, clock } = parts;
  let certificate: CertifiedKey | null = null;
  let roots: string | null = null;
  /** Paths that could not be asked last. */
  const failing = new Set<string>();
  /** Whole or not at all; that one half is as it was says nothing while the other cannot be asked. */
  const tell = (news: boolean): void => {
    if (certificate === null || roots === null || (!news && failing.size > 0)) return;
    teller.changed({ certificate, trust: { roots, byTrustDomain: null, crl: '' } });
  };
  const query = (path: string, read: (value: unknown) => boolean): BlockingQuery => {
    const parameters = new URLSearchParams(scope).toString();
    return new BlockingQuery(
      { ...parts, path: parameters === '' ? path : `${path}?${parameters}` },
      {
        onValue: (value) => {
          const news = read(value);
          failing.delete(path);
          tell(news);
        },
        onFailed: (cause) => {
          failing.add(path);
          teller.failed(identityError(`Consul ${address}`, `${path}: ${cause.message}`, cause));
        },
      },
    );
  };
  const queries = [
    query(`${API}/leaf/${encodeURIComponent(service)}`, (value) => {
      const leaf = readLeaf(value, clock.wallNow());
      const news = leaf.chain !== certificate?.chain;
      certificate = leaf;
      return news;
    }),
    query(`${API}/roots`, (value) => {
      const all = readRoots(value);
      const news = all !== roots;
      roots = all;
      return news;
    }),
  ];
  return () => {
    for (const each of queries) each.close();
  };
}

function readLeaf(value: unknown, wallNow: number): CertifiedKey {
  const chain = Buffer.from(text(value, 'CertPEM'));
  const key = Buffer.from(text(value, 'PrivateKeyPEM'));
  return readPemPair({ chain, chainPlace: 'CertPEM', key, keyPlace: 'PrivateKeyPEM' }, wallNow);
}

/** Those that sign now, and those that signed what is not renewed yet. */
function readRoots(value: unknown): string {
  const { Roots: list } = value as { readonly Roots?: unknown };
  if (!Array.isArray(list) || list.length === 0) throw new Error('Consul has no root: is connect enabled?');
  return list.map((root, index) => certificatesOf(Buffer.from(text(root, 'RootCert')), `Roots[${index}]`)).join('');
}

function text(value: unknown, field: string): string {
  const found = (value as { readonly [field: string]: unknown } | null)?.[field];
  if (typeof found !== 'string') throw new Error(`the answer has no ${field}`);
  return found;
}
