import assert from 'node:assert/strict';
import { type CommonTlsContext, isMeshError, type MeshError, noRegex, VirtualClock } from '@inmesh/core';
import { type FollowedTls, type IdentityProvider, TlsContexts, type TlsMaterial } from '../index.ts';
import { ScriptedSecrets, upstreamTls } from './tls-models.ts';

/** Everything around TlsContexts, in virtual time. */
export class Scene {
  readonly clock = new VirtualClock(Date.now());
  readonly secrets = new ScriptedSecrets();
  readonly warnings: string[] = [];
  readonly events: string[] = [];
  readonly environment = new Map<string, string>();
  readonly contexts: TlsContexts;

  constructor(providers: ReadonlyMap<string, IdentityProvider> = new Map()) {
    // Unless a test says otherwise, the turn of what was renewed comes at once.
    this.secrets.afterwards = () => this.clock.advance(0);
    this.contexts = new TlsContexts({
      watchSecret: this.secrets.watch,
      providers,
      regex: noRegex,
      clock: this.clock,
      environment: (variable) => this.environment.get(variable),
      onWarning: (warning) => this.warnings.push(warning.message),
    });
  }

  follow(common: Partial<CommonTlsContext>, cluster = 'c'): FollowedTls {
    return this.contexts.follow(
      upstreamTls(common),
      { cluster },
      { onSettled: () => this.events.push('settled'), onRotated: () => this.events.push('rotated') },
    );
  }
}

export function material(current: TlsMaterial | MeshError): TlsMaterial {
  if (isMeshError(current)) throw current;
  return current;
}

export function refusal(current: TlsMaterial | MeshError): string {
  assert.ok(isMeshError(current));
  assert.equal(current.code, 'connection_failure');
  return current.message;
}
