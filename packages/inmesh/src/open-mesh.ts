import { readFileSync } from 'node:fs';
import { MeshError, systemClock, systemRandom } from '@inmesh/core';
import {
  type BootstrapOptions,
  type IstioOptions,
  type IstioSurroundings,
  istioNode,
  istioServer,
  loadBootstrap,
  type MassRemovalOptions,
} from '@inmesh/xds';
import type { MeshOptions } from './create-mesh.ts';
import type { istioIdentity } from './identity/istio-identity.ts';
import { Mesh } from './mesh.ts';
import { serviceUrl } from './service-url.ts';

/** What `createMesh` does, and all that it needs: undici, protobuf, YAML. `identityOf`: who says who a pod without an agent is; null where nobody is asked. */
export function openMesh(options: MeshOptions, identityOf: typeof istioIdentity | null): Mesh {
  oneOf(['passThrough', 'refuse'], 'outsideMesh', options.outsideMesh);
  oneOf(['response', 'error'], 'failAs', options.failAs);
  oneOf(['used', 'all'], 'prefetch', options.prefetch);
  oneOf(['auto', 'grpc', 'sidecar', 'consul'], 'flavour', options.flavour);
  oneOf(['envoy', 'grpc'], 'profile', options.profile);
  const env = options.env ?? process.env;
  const readFile = (path: string) => readFileSync(path, 'utf8');
  const code = {
    ...options.overrides,
    ...(options.istio === undefined ? {} : istioBootstrap(options.istio, options.overrides, { env, readFile })),
    ...(options.flavour === undefined ? {} : { flavour: options.flavour }),
  };
  if (options.broker === '') throw new MeshError('invalid_config', 'broker: "" names no directory');
  if (options.stateDirectory === '') throw new MeshError('invalid_config', 'stateDirectory: "" names no directory');
  const bootstrap = loadBootstrap({
    // istiod is named in code, so a bootstrap that the environment names for others is not read.
    env: options.istio === undefined ? env : {},
    readFile,
    ...(options.bootstrap === undefined ? {} : { path: options.bootstrap }),
    ...(options.bootstrapConfig === undefined ? {} : { inline: options.bootstrapConfig }),
    ...(Object.keys(code).length === 0 ? {} : { options: code }),
  });
  const clock = options.clock ?? systemClock;
  const random = options.random ?? systemRandom;
  const onWarning = options.onWarning ?? ((warning: Error) => process.emitWarning(warning));
  for (const warning of bootstrap.warnings) onWarning(new Error(`${bootstrap.origin}: ${warning}`));
  return new Mesh({
    bootstrap,
    services: (options.services ?? []).map(serviceUrl),
    domains: (options.domains ?? []).map(domainPattern),
    filters: options.filters ?? {},
    identity: options.identity ?? identityOf?.(options.istio ?? {}, { env, clock, random, onWarning }) ?? null,
    sdsTargets: options.sdsServers ?? {},
    httpProxy: options.istioHttpProxy ?? false,
    outsideMesh: options.outsideMesh ?? bootstrap.outsideMesh,
    profile: options.profile ?? 'envoy',
    failAs: options.failAs ?? 'response',
    acceptOverrides: options.acceptOverrides ?? null,
    holdTimeoutMs: atLeast(1, 'holdTimeoutMs', options.holdTimeoutMs ?? 20_000),
    maxHeld: atLeast(0, 'maxHeld', options.maxHeld ?? 10_000),
    stateDirectory: options.stateDirectory ?? bootstrap.stateDirectory,
    prefetch: options.prefetch ?? 'used',
    massRemoval: options.massRemoval === undefined ? null : checked(options.massRemoval),
    share: { threads: options.threads ?? true, broker: options.broker ?? bootstrap.broker },
    idleServiceMs: atLeast(0, 'idleServiceMs', options.idleServiceMs ?? 3_600_000),
    clock,
    random,
    onWarning,
  });
}

function istioBootstrap(
  istio: IstioOptions,
  overrides: BootstrapOptions | undefined,
  surroundings: IstioSurroundings,
): BootstrapOptions {
  const node = { ...istioNode(istio, surroundings), ...overrides?.node };
  return { node, servers: overrides?.servers ?? [istioServer(istio, String(node.metadata.CLUSTER_ID))] };
}

function oneOf(allowed: readonly string[], option: string, value: string | undefined): void {
  if (value === undefined || allowed.includes(value)) return;
  throw new MeshError('invalid_config', `${option}: "${value}" is none of ${allowed.join(', ')}`);
}

function atLeast(least: number, option: string, value: number): number {
  if (value >= least && value < 2 ** 31) return value;
  throw new MeshError('invalid_config', `${option}: ${value} is no number from ${least} to ${2 ** 31 - 1}`);
}

function checked(massRemoval: MassRemovalOptions): MassRemovalOptions {
  const { share, minimum = 1, holdMs = 1 } = massRemoval;
  if (share !== undefined && !(share > 0 && share <= 1)) {
    throw new MeshError('invalid_config', `massRemoval.share: ${share} is no share above 0, up to 1`);
  }
  atLeast(1, 'massRemoval.minimum', minimum);
  atLeast(1, 'massRemoval.holdMs', holdMs);
  return massRemoval;
}

function domainPattern(pattern: string): string {
  if (/^(\*\.)?[^\s*:/]+$/.test(pattern)) return pattern;
  throw new MeshError(
    'invalid_config',
    `domains: "${pattern}" is no host; write api.example or *.example, without a port`,
  );
}
