import { MeshError } from '@inmesh/core';
import type { TlsSource } from './followed-contexts.ts';

/** For whoever connects without secrets: what needs TLS is refused. */
export const NO_TLS: TlsSource = {
  follow: (_context, { cluster }) => ({
    settled: true,
    current: () =>
      new MeshError('connection_failure', 'the cluster wants TLS, and nobody here has secrets for it', { cluster }),
    release: () => {},
  }),
};
