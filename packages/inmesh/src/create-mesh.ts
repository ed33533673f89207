import { type Clock, type OwnFilter, outsideContext, type Random } from '@inmesh/core';
import type { IdentityProvider } from '@inmesh/mtls';
import type {
  BootstrapOptions,
  DecodeProfile,
  FlavourOption,
  IstioOptions,
  MassRemovalOptions,
  OutsideMesh,
} from '@inmesh/xds';
import type { Mesh } from './mesh.ts';
import type { OverrideRules } from './overrides/overrides.ts';

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
  /**
   * How the control plane lays out its feed. Default: the bootstrap's word, else `auto`: an Envoy bootstrap takes whole types, as
   * sidecars do; a gRPC bootstrap asks by name, but for an istio-agent's, through which the sidecar's full feed is taken.
   */
  readonly flavour?: FlavourOption;
  /**
   * Whose rules a control plane's resources are checked by. Default `envoy`: what a sidecar takes is taken. `grpc`: what the gRFCs
   * refuse is refused, and what gRPC does not look at may be missing; docs/validation.md lists the differences.
   */
  readonly profile?: DecodeProfile;
  /** istiod without an agent: who this process is, read from the pod where it is not given. Takes the place of a bootstrap. Default: none. */
  readonly istio?: IstioOptions;
  /**
   * Who this process is to its peers, and whom it trusts: what a feed made for sidecars asks of the agent beside them (the secrets `default`
   * and `ROOTCA` of the cluster `sds-grpc`) is answered by it. See `inmesh/identity`. Default: with `istio`, istiod's CA;
   * with the bootstrap of an istio-agent without an Envoy, its files (`certificate_providers.default`); else the agent is asked.
   */
  readonly identity?: IdentityProvider;
  /**
   * gRPC targets of servers of secrets (SDS), by the cluster that a feed names for them, such as `{ 'sds-grpc': 'unix:///run/sds.sock' }`. Default: the
   * clusters of the bootstrap, and for `sds-grpc` where an istio-agent listens.
   */
  readonly sdsServers?: { readonly [cluster: string]: string };
  /** Also route what only Istio's HTTP proxy port has routes for. Default false: applications have to ask for that proxy. */
  readonly istioHttpProxy?: boolean;
  /**
   * HTTP filters in code, by the name of an entry of `http_filters` or by the type URL of its configuration: they take the place that the
   * feed gives them. One of the mesh's own filters is replaced so, too. Default: none.
   */
  readonly filters?: { readonly [nameOrType: string]: OwnFilter };
  /** What happens to calls to other hosts. Default: the bootstrap's word, else `passThrough`, because third-party calls must go on as ever. */
  readonly outsideMesh?: OutsideMesh;
  /** How a failure before the response is told: as a sidecar's local reply (`response`, the default: same behaviour on the wire), or as a thrown MeshError. */
  readonly failAs?: 'response' | 'error';
  /**
   * What requests that come to this process may ask for of its own calls, in the header `x-inmesh-override`, where `mesh.withIncoming`
   * hands them over. Default: nothing, because who can reach a service should not choose where it calls.
   */
  readonly acceptOverrides?: OverrideRules;
  /**
   * Milliseconds a call waits for its routes. Default 20,000: a resource that was asked for counts as not there after
   * 15,000, as in Envoy and gRPC, and that verdict (let the call pass, do without that cluster) must come first, also
   * where the listener took a moment before its clusters could be asked for.
   */
  readonly holdTimeoutMs?: number;
  /** Calls that wait for their routes at the same time. Default 10,000. */
  readonly maxHeld?: number;
  /**
   * A directory in which the feed is remembered: services that were called and their last good resources, so that an application
   * that starts while its control plane is away can call them at once. Never secrets; for the owner's eyes only. Default: the
   * bootstrap's `inmesh: { state_directory }`, else nothing is remembered, because no directory is every application's to write in.
   */
  readonly stateDirectory?: string;
  /**
   * `all`: also what was never called is followed and remembered, in a feed of whole types (a sidecar's, Consul's), so that an outage
   * finds all of it known; each update of any service then costs its decoding. Default `used`: what is called, or was in an earlier run.
   */
  readonly prefetch?: 'used' | 'all';
  /**
   * Worker threads take their feed from the main thread's mesh, where that one has the same bootstrap; false: this thread neither
   * gives nor takes. Statistics, thresholds and ejections stay each thread's own. Default true, because an istio-agent closes all
   * but the newest stream of a node.
   */
  readonly threads?: boolean;
  /**
   * A directory of this host, for processes with the same bootstrap and version (node:cluster, a process manager): one of them, the
   * broker, has the stream, and the others take what it accepted over a unix socket that only their user can open. When it goes,
   * another takes over and nothing falls out of force. Statistics, thresholds and ejections stay each process's own. Default: the
   * bootstrap's `inmesh: { broker }`, else none: each process has a stream of its own.
   */
  readonly broker?: string;
  /**
   * Holds back the removal of many clusters in one update, for a time, while their endpoints still answer: a control plane that was
   * just started may tell a part of them as if it were all. Never listeners nor secrets. `{}` for its own defaults: more than half, at
   * least 5, for a minute. Default: none, because Envoy believes every removal, and a mesh should end where its operator ends it.
   */
  readonly massRemoval?: MassRemovalOptions;
  /**
   * Milliseconds without a call after which a service is not followed any more; the next call takes it up again. Not while the
   * control plane is away, nor while calls are under way; never for `services`. 0: never. Default 3,600,000 (an hour): far
   * above the pauses of a service in use, and well below a day's, so that what was called once is not paid for all week.
   */
  readonly idleServiceMs?: number;
  /** Hears of what is wrong and stops nothing. Default: `process.emitWarning`. */
  readonly onWarning?: (warning: Error) => void;
  /** Default: real time. */
  readonly clock?: Clock;
  /** Default: the system's randomness. */
  readonly random?: Random;
}

/**
 * The mesh, wired from the environment and these options. It opens nothing before the first call, unless services are named or remembered. Rejects with a
 * MeshError (`invalid_config`) that names file, line and field where the bootstrap is wrong.
 */
export async function createMesh(options: MeshOptions = {}): Promise<Mesh> {
  // On demand, because who imports this package does not always make a mesh; and outside any request's context, because
  // modules keep the one that they were loaded in.
  const { openMesh } = await outsideContext(() => import('./open-mesh.ts'));
  // Without an agent nobody else would say who this process is.
  const asked = options.istio !== undefined && options.identity === undefined;
  const istio = asked ? await outsideContext(() => import('./identity/istio-identity.ts')) : null;
  return openMesh(options, istio === null ? null : istio.istioIdentity);
}
