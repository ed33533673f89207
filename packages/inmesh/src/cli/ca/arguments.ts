import { isIP } from 'node:net';
import type { KeyType } from '@inmesh/mtls/ca';
import { parseCommandLine, UsageError } from '../usage.ts';

export interface CaArguments {
  readonly folder: string;
  /** Null: that of the folder, or the default for a new one. */
  readonly trustDomain: string | null;
  /** As written: `namespace/account`, or a whole SPIFFE ID. */
  readonly workloads: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ips: readonly string[];
  /** Milliseconds. */
  readonly ttlMs: number;
  readonly keyType: KeyType;
  readonly renew: boolean;
  readonly watch: boolean;
}

/** A day, as Istio's. */
const DEFAULT_TTL = '24h';
const UNITS_MS: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);
const KEY_TYPES: readonly KeyType[] = ['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-4096', 'ed25519'];

export function readCaArguments(args: readonly string[]): CaArguments {
  const { values, positionals } = parseCommandLine({
    args: [...args],
    allowPositionals: true,
    options: {
      'trust-domain': { type: 'string' },
      name: { type: 'string', multiple: true, default: [] },
      ttl: { type: 'string', default: DEFAULT_TTL },
      'key-type': { type: 'string', default: 'ecdsa-p256' },
      renew: { type: 'boolean', default: false },
      watch: { type: 'boolean', default: false },
    },
  });
  const [folder, ...workloads] = positionals;
  if (folder === undefined) throw new UsageError('ca: give a folder for the trust domain');
  const names = values.name;
  if (names.length > 0 && workloads.length !== 1) {
    throw new UsageError('--name is for one workload: name exactly one');
  }
  if (values.watch && !values.renew) throw new UsageError('--watch goes with --renew');
  const keyType = KEY_TYPES.find((type) => type === values['key-type']);
  if (keyType === undefined) throw new UsageError(`--key-type ${values['key-type']}: use ${KEY_TYPES.join(', ')}`);
  return {
    folder,
    trustDomain: values['trust-domain'] ?? null,
    workloads,
    dnsNames: names.filter((name) => isIP(name) === 0),
    ips: names.filter((name) => isIP(name) !== 0),
    ttlMs: readTtl(values.ttl),
    keyType,
    renew: values.renew,
    watch: values.watch,
  };
}

function readTtl(text: string): number {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS.get(unit ?? '') ?? Number.NaN);
  if (ms > 0) return ms;
  throw new UsageError(`--ttl ${text}: give a number and s, m, h or d, such as ${DEFAULT_TTL}`);
}
