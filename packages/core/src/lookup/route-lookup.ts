import type { Call } from '../call.ts';
import { MeshError } from '../errors.ts';
import type { RouteLookupConfig } from '../model/route-lookup.ts';
import type { ClusterSpecifier } from '../router/cluster-specifier.ts';
import type { Clock } from '../util/clock.ts';
import { outsideContext } from '../util/outside.ts';
import type { Random } from '../util/random.ts';
import { AdaptiveThrottler } from './adaptive-throttler.ts';
import { type LookupAnswer, LookupCache, type LookupEntry } from './lookup-cache.ts';
import { compileRouteKeys, type RouteKey } from './route-keys.ts';

const DATA_HEADER = 'x-google-rls-data';
/** Milliseconds that what was just learned stays, also in a cache that is too small for it: gRPC's. */
const KEEP_MS = 5_000;
/** gRPC's backoff for connections, which it uses for lookups too. */
const BACKOFF = { firstMs: 1_000, factor: 1.6, maxMs: 120_000, jitter: 0.2 };
const NEVER = Number.NEGATIVE_INFINITY;

/** grpc.lookup.v1.RouteLookupRequest */
export interface RouteLookupRequest {
  readonly keys: Readonly<Record<string, string>>;
  /** Whether there is no answer that may be used, or one that should be newer. */
  readonly reason: 'miss' | 'stale';
  /** What came with the last answer. */
  readonly staleHeaderData: string;
}

/** Asks the lookup service; how is not this package's business. */
export interface LookupService {
  /** Rejects where it does not answer in time, or with an error. Never throws. */
  lookup(request: RouteLookupRequest): Promise<LookupAnswer>;
  close(): void;
}

export interface RouteLookupParts {
  readonly config: RouteLookupConfig;
  /** `onRecovered`: it can be reached again after it could not. */
  readonly open: (config: RouteLookupConfig, onRecovered: () => void) => LookupService;
  readonly clock: Clock;
  readonly random: Random;
  /** Calls that wait should look again. */
  readonly changed: () => void;
}

/** Lets a lookup service choose the clusters of calls, as gRPC's RLS policy does; what it said is remembered by the keys of the calls. */
export class RouteLookup implements ClusterSpecifier {
  readonly #parts: RouteLookupParts;
  readonly #service: LookupService;
  readonly #keyOf: ReturnType<typeof compileRouteKeys>;
  readonly #cache: LookupCache;
  readonly #throttler: AdaptiveThrottler;
  /** Keys that are being asked for. */
  readonly #pending = new Set<string>();
  readonly #default: LookupAnswer | null;
  #closed = false;

  constructor(parts: RouteLookupParts) {
    const { config, clock, random } = parts;
    this.#parts = parts;
    this.#keyOf = compileRouteKeys(config.keyBuilders);
    this.#cache = new LookupCache(config.cacheSizeBytes);
    this.#throttler = new AdaptiveThrottler(clock, random);
    this.#default = config.defaultTarget === '' ? null : { targets: [config.defaultTarget], headerData: '' };
    this.#service = parts.open(config, () => {
      this.#cache.resetBackoff();
      parts.changed();
    });
  }

  get label(): string {
    return `lookup by ${this.#parts.config.lookupService}`;
  }

  /** Once it is told it stays the same for a call whose keys stay, so that all who ask on its way agree. */
  choose(call: Call): readonly string[] | MeshError | null {
    const key = this.#keyOf(call.head);
    if (key === null) return this.#refusal(`${call.head.path} is not of the form /service/method`);
    const { specified } = call;
    if (specified?.by === this && specified.id === key.id) return specified.targets;
    const answer = this.#answer(key);
    if (answer === null) return null;
    const failed = answer instanceof MeshError;
    const targets = failed ? answer : answer.targets;
    const { headerData } = failed ? NO_DATA : answer;
    call.specified = {
      by: this,
      id: key.id,
      targets,
      headers: headerData === '' ? [] : [DATA_HEADER, headerData],
    };
    return targets;
  }

  close(): void {
    this.#closed = true;
    this.#pending.clear();
    this.#service.close();
  }

  #answer(key: RouteKey): LookupAnswer | MeshError | null {
    const now = this.#parts.clock.now();
    const entry = this.#cache.get(key.id);
    const pending = this.#pending.has(key.id);
    if (entry?.answer && entry.expiresAt > now) {
      if (!pending && entry.staleAt <= now && entry.backoffUntil <= now) this.#ask(key, 'stale', entry);
      return entry.answer;
    }
    if (pending) return null;
    if (entry?.error && entry.backoffUntil > now) return this.#default ?? entry.error;
    if (this.#ask(key, 'miss', entry)) return null;
    return this.#default ?? this.#refusal('the lookup is held back, because the service fails too many');
  }

  /** False where it is held back. */
  #ask(key: RouteKey, reason: 'miss' | 'stale', entry: LookupEntry | null): boolean {
    if (this.#throttler.throttles()) return false;
    this.#pending.add(key.id);
    // An answer that has expired says nothing any more, nor does what came with it.
    const staleHeaderData = reason === 'stale' ? (entry?.answer?.headerData ?? '') : '';
    const request = { keys: key.keys, reason, staleHeaderData };
    outsideContext(() => this.#service.lookup(request)).then(
      (answer) => {
        if (answer.targets.length > 0) this.#succeed(key, answer);
        else this.#fail(key, 'the answer names no target');
      },
      (error: unknown) => this.#fail(key, error instanceof Error ? error.message : String(error)),
    );
    return true;
  }

  #succeed({ id }: RouteKey, answer: LookupAnswer): void {
    const { config, clock } = this.#parts;
    const now = clock.now();
    this.#throttler.register(true);
    this.#settle(id, now, {
      answer,
      expiresAt: now + config.maxAgeMs,
      staleAt: now + config.staleAgeMs,
      error: null,
      failures: 0,
      backoffUntil: NEVER,
      keepUntil: now + KEEP_MS,
    });
  }

  #fail({ id }: RouteKey, reason: string): void {
    const now = this.#parts.clock.now();
    this.#throttler.register(false);
    const before = this.#cache.get(id) ?? NOTHING;
    const failures = before.failures + 1;
    this.#settle(id, now, {
      ...before,
      error: this.#refusal(reason),
      failures,
      backoffUntil: now + this.#backoffMs(failures),
      keepUntil: now + KEEP_MS,
    });
  }

  #settle(id: string, now: number, entry: LookupEntry): void {
    if (this.#closed) return;
    this.#pending.delete(id);
    this.#cache.set(id, entry, now);
    this.#parts.changed();
  }

  #backoffMs(failures: number): number {
    const { firstMs, factor, maxMs, jitter } = BACKOFF;
    const ms = Math.min(maxMs, firstMs * factor ** Math.min(failures - 1, 30));
    return ms * (1 + jitter * (2 * this.#parts.random() - 1));
  }

  #refusal(reason: string): MeshError {
    return new MeshError('no_cluster', `lookup service ${this.#parts.config.lookupService}: ${reason}`, {});
  }
}

const NO_DATA = { headerData: '' };
const NOTHING: LookupEntry = {
  answer: null,
  expiresAt: NEVER,
  staleAt: NEVER,
  error: null,
  failures: 0,
  backoffUntil: NEVER,
  keepUntil: NEVER,
};
