import { readFileSync } from 'node:fs';
import { MeshError, systemClock, systemRandom } from '@inmesh/core';
import { loadBootstrap } from '@inmesh/xds';
import type { MeshOptions } from './create-mesh.ts';
import { Mesh, serviceUrl } from './mesh.ts';

/** What `createMesh` does, and all that it needs: undici, protobuf, YAML. */
export function openMesh(options: MeshOptions): Mesh {
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
