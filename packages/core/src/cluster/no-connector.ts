import type { ClusterTransport, Connector } from './connection.ts';

/** Opens nothing: for whoever follows clusters and calls none of them, as tools and tests do. */
export const noConnector: Connector = {
  open: (): ClusterTransport => ({
    settled: true,
    configure: () => {},
    connect: refuse,
    connectBytes: refuse,
    release: () => {},
  }),
};

function refuse(): never {
  throw new Error('clusters are only looked at here: nothing is called');
}
