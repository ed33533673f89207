import { readFileSync } from 'node:fs';
import { type Clock, MeshError, type Random, systemClock, systemRandom } from '@inmesh/core';
import { type BootstrapOptions, loadBootstrap, type OutsideMesh } from '@inmesh/xds';
import { Mesh, serviceUrl } from './mesh.ts';

export interface MeshOptions {
  /** The bootstrap's path. Default: what the environment names, see `loadBootstrap`. */
  readonly bootstrap?: string;
  /** The bootstrap's text, instead of a path. */
  readonly bootstrapConfig?: string;
  /** What code says of the bootstrap wins over the file. */
  readonly overrides?: BootstrapOptions;
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** URLs of services to know before the first call; `ready()` waits for them. Default: none, each is asked for when it is called. */
  readonly services?: readonly string[];
  /** Hosts of the mesh beside the usual ones: `api.example`, `*.internal`. Default: none. */
  readonly domains?: readonly string[];
  /** What happens to calls to other hosts. Default: the bootstrap's word, else `passThrough`, because third-party calls must go on as ever. */
  readonly outsideMesh?: OutsideMesh;
  /** How a failure before the response is told: as a sidecar's local reply (`response`, the default: same behaviour on the wire), or as a thrown MeshError. */
  readonly failAs?: 'response' | 'error';
  /**
   * Milliseconds a call waits for its routes. Default 20,000: a resource that was asked for counts as not there after
   * 15,000, as in Envoy and gRPC, and that verdict (let the call pass, do without that cluster) must come first, also
   * where the listener took a moment before its clusters could be asked for.
   */
  readonly holdTimeoutMs?: number;
  /** Calls that wait for their routes at the same time. Default 10,000. */
  readonly maxHeld?: number;
  /** Hears of what is wrong and stops nothing. Default: `process.emitWarning`. */
  readonly onWarning?: (warning: Error) => void;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly random?: Random;
}

/**
 * The mesh, wired from the environment and these options. It opens nothing before the first call. Rejects with a
 * MeshError (`invalid_config`) that names file, line and field where the bootstrap is wrong.
 */
export async function createMesh(options: MeshOptions = {}): Promise<Mesh> {
  oneOf(['passThrough', 'refuse'], 'outsideMesh', options.outsideMesh);
  oneOf(['response', 'error'], 'failAs', options.failAs);
  const bootstrap = loadBootstrap({
    env: options.env ?? process.env,
    readFile: (path) => readFileSync(path, 'utf8'),
    ...(options.bootstrap === undefined ? {} : { path: options.bootstrap }),
    ...(options.bootstrapConfig === undefined ? {} : { inline: options.bootstrapConfig }),
    ...(options.overrides === undefined ? {} : { options: options.overrides }),
  });
  const onWarning = options.onWarning ?? ((warning: Error) => process.emitWarning(warning));
  for (const warning of bootstrap.warnings) onWarning(new Error(`${bootstrap.origin}: ${warning}`));
  return new Mesh({
    bootstrap,
    services: (options.services ?? []).map(serviceUrl),
    domains: (options.domains ?? []).map(domainPattern),
    outsideMesh: options.outsideMesh ?? bootstrap.outsideMesh,
    failAs: options.failAs ?? 'response',
    holdTimeoutMs: atLeast(1, 'holdTimeoutMs', options.holdTimeoutMs ?? 20_000),
    maxHeld: atLeast(0, 'maxHeld', options.maxHeld ?? 10_000),
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
    onWarning,
  });
}

function oneOf(allowed: readonly string[], option: string, value: string | undefined): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new MeshError('invalid_config', `${option}: "${value}" is none of ${allowed.join(', ')}`);
}

function atLeast(least: number, option: string, value: number): number {
  if (value >= least && value < 2 ** 31) return value;
  throw new MeshError('invalid_config', `${option}: ${value} is no number from ${least} to ${2 ** 31 - 1}`);
}

function domainPattern(pattern: string): string {
  if (/^(\*\.)?[^\s*:/]+$/.test(pattern)) return pattern;
  throw new MeshError(
    'invalid_config',
    `domains: "${pattern}" is no host; write api.example or *.example, without a port`,
  );
}
