import { compose } from '../dispatch.ts';
import {
  type FilterEnvironment,
  type FilterStats,
  type FilterType,
  newFilterStats,
  type PeerIdentity,
} from '../filters/filter.ts';
import { filters } from '../filters/filters.ts';
import type { Metadata } from '../model/endpoint.ts';
import type { Route } from '../model/route.ts';
import { HTTP1_UPSTREAM, type UpstreamProtocol } from '../model/upstream-protocol.ts';
import { finalize } from '../router/finalize.ts';
import { router } from '../router/router.ts';
import { Runtime } from '../runtime/runtime.ts';
import { type Random, seededRandom } from '../util/random.ts';
import { noRegex } from '../util/regex.ts';
import { VirtualClock } from '../util/virtual-clock.ts';
import { type Caller, type CallOptions, send } from './caller.ts';
import { filterCompiler, Harness, routeTable } from './harness.ts';
import { Inner } from './inner.ts';
import { filterOverride, forward, httpFilter, route, virtualHost } from './models.ts';
import { NO_REDIRECTS } from './no-redirects.ts';

export interface FilterSceneOptions<Override> {
  /** The route's own configuration. */
  readonly override?: Override;
  readonly routes?: readonly Route[];
  readonly random?: Random;
  readonly peer?: PeerIdentity | null;
  readonly clusterMetadata?: Metadata;
  /** How its cluster is spoken to. */
  readonly upstream?: UpstreamProtocol;
}

/** One filter between a caller and something that answers as the test says. */
export class FilterScene<Config, Override> {
  readonly clock = new VirtualClock();
  readonly runtime = new Runtime();
  readonly stats: FilterStats = newFilterStats();
  readonly environment: FilterEnvironment;
  readonly inner = new Inner();
  readonly send: (options?: CallOptions) => { call: Parameters<Inner['dispatch']>[0]; caller: Caller };

  constructor(type: FilterType<Config, Override>, config: Config, options: FilterSceneOptions<Override> = {}) {
    const { clock, runtime, stats } = this;
    const random = options.random ?? seededRandom(1);
    const peer = options.peer ?? null;
    this.environment = { clock, random, runtime, stats, peer, regex: noRegex, statPrefix: 'http', name: 'f' };
    const cluster = new Harness().newCluster({
      metadata: options.clusterMetadata ?? {},
      protocol: options.upstream ?? HTTP1_UPSTREAM,
    });
    const overrides =
      'override' in options ? { filters: new Map([['f', filterOverride('f', { config: options.override })]]) } : {};
    const table = routeTable(
      virtualHost(options.routes ?? [route(forward('reviews'))], overrides),
      { reviews: cluster },
      {
        random,
        filters: [httpFilter('f', { config })],
        compiler: filterCompiler({ f: type as FilterType }, { clock, random, runtime, stats, peer }),
      },
    );
    const stack = compose([router(), filters({ clock }), finalize({ ...NO_REDIRECTS, clock })], this.inner.dispatch);
    this.send = (call = {}) =>
      send((sent, handler) => {
        sent.table = table;
        stack(sent, handler);
      }, call);
  }

  /** Makes a call and answers it. */
  ask(options: CallOptions = {}, status = 200, headers: readonly string[] = []) {
    const sent = this.send(options);
    const before = this.inner.exchanges.find(({ over, call }) => !over && call === sent.call);
    before?.answer(status, headers);
    return sent;
  }
}
