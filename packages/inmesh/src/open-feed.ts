import { readFileSync } from 'node:fs';
import { systemClock, systemRandom } from '@inmesh/core';
import { type Bootstrap, type ChosenFlavour, chooseFlavour, loadBootstrap } from '@inmesh/xds';
import { Feed } from './feed.ts';

export interface OpenFeedOptions {
  /** Path; default: what the environment names. */
  readonly bootstrap?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onWarning: (warning: Error) => void;
}

/** A feed without a mesh: to be looked at. */
export interface OpenedFeed {
  readonly bootstrap: Bootstrap;
  readonly chosen: ChosenFlavour;
  /** Null where the bootstrap names no control plane. */
  readonly feed: Feed | null;
}

/** Opens the feed that a mesh with this bootstrap would take. It shares no stream: what is shown is what the control plane says to us. */
export function openFeed({ bootstrap: path, env, onWarning }: OpenFeedOptions): OpenedFeed {
  const readFile = (file: string): string => readFileSync(file, 'utf8');
  const bootstrap = loadBootstrap({ env, readFile, ...(path === undefined ? {} : { path }) });
  for (const warning of bootstrap.warnings) onWarning(new Error(`${bootstrap.origin}: ${warning}`));
  const chosen = chooseFlavour(bootstrap, bootstrap.flavour);
  const feed =
    bootstrap.servers.length === 0
      ? null
      : new Feed({
          bootstrap,
          node: chosen.node,
          profile: 'envoy',
          stateDirectory: null,
          massRemoval: null,
          share: { threads: false, broker: null },
          clock: systemClock,
          random: systemRandom,
          onError: onWarning,
        });
  return { bootstrap, chosen, feed };
}
