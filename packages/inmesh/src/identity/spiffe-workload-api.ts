import { type Clock, MeshError, type Random, systemClock, systemRandom } from '@inmesh/core';
import { closeWhenIdle, type SvidChoice, WorkloadApi, workloadApiTarget } from '@inmesh/mtls';
import { grpcChannel } from '@inmesh/transports/rpc';

export interface SpiffeWorkloadApiOptions extends SvidChoice {
  /** `unix:///run/spire/sockets/agent.sock` or `tcp://127.0.0.1:8000`. Default: the variable `SPIFFE_ENDPOINT_SOCKET`, as the standard has it. */
  readonly endpoint?: string;
  /** `bundles`: whom to trust and nothing else, for a process that no identity is registered for. Default `svid`. */
  readonly ask?: 'svid' | 'bundles';
  /** Default: the process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Hears of watchers that threw. Default: `process.emitWarning`. */
  readonly onWarning?: (warning: Error) => void;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly random?: Random;
}

/** An identity from the SPIFFE Workload API of this host, such as SPIRE's agent. Opens nothing before it is watched. Throws a MeshError (`invalid_config`) for an endpoint that cannot be used. */
export function spiffeWorkloadApi(options: SpiffeWorkloadApiOptions = {}): WorkloadApi {
  const { hint, spiffeId, env = process.env } = options;
  const endpoint = options.endpoint ?? env.SPIFFE_ENDPOINT_SOCKET ?? '';
  if (endpoint === '') {
    throw new MeshError(
      'invalid_config',
      'the endpoint of the SPIFFE Workload API is not known; set SPIFFE_ENDPOINT_SOCKET, or give `endpoint`',
    );
  }
  const clock = options.clock ?? systemClock;
  return new WorkloadApi({
    transport: closeWhenIdle(grpcChannel({ target: workloadApiTarget(endpoint), tls: null, clock })),
    endpoint,
    ask: options.ask ?? 'svid',
    hint,
    spiffeId,
    clock,
    random: options.random ?? systemRandom,
    onError: options.onWarning ?? ((warning) => process.emitWarning(warning)),
  });
}
