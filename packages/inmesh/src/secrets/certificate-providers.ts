import { type Clock, MeshError } from '@inmesh/core';
import { fileWatcher, type IdentityProvider } from '@inmesh/mtls';
import type { Bootstrap } from '@inmesh/xds';

export interface CertificateProviderParts {
  readonly clock: Clock;
  readonly onWarning: (warning: Error) => void;
}

/**
 * The instances of `certificate_providers` by name (gRFC A29). One of a plugin that this version does not know, or with settings of no use,
 * is one that has nothing: what names it is refused, with the reason.
 */
export function certificateProviders(
  { certificateProviders: entries, origin }: Pick<Bootstrap, 'certificateProviders' | 'origin'>,
  { clock, onWarning }: CertificateProviderParts,
): ReadonlyMap<string, IdentityProvider> {
  return new Map(
    Object.entries(entries).map(([instance, { plugin, config }]) => {
      const place = `${origin}: certificate_providers.${instance}`;
      if (plugin !== 'file_watcher') {
        return [instance, refused(`${place}: plugin_name "${plugin}" is not known: there is file_watcher`)];
      }
      try {
        return [instance, fileWatcher(config, { clock, onError: onWarning })];
      } catch (error) {
        return [instance, refused(`${place}.config: ${(error as Error).message}`)];
      }
    }),
  );
}

function refused(reason: string): IdentityProvider {
  return {
    watch(watcher) {
      watcher.resourceError(new MeshError('invalid_config', reason));
      return () => {};
    },
  };
}
