import type { BackoffOptions, Clock, Random, RpcTransport, Unwatch, Watcher } from '@inmesh/core';
import type { Identity, IdentityProvider } from '../identity.ts';
import { identityError } from '../identity-error.ts';
import { FollowedStream } from '../rpc/followed-stream.ts';
import { rpcCode } from '../rpc/rpc-error.ts';
import { sameIdentity } from '../same-identity.ts';
import { type Teller, WatchedSource } from '../watched-source.ts';
import { type JwtBundles, type JwtSvid, JwtSvids, type ValidatedJwtSvid } from './jwt-svids.ts';
import { SECURITY_HEADER, SERVICE } from './service.ts';
import type { SvidChoice } from './svid-choice.ts';
import { NoSuchSvid, readX509Bundles, readX509Svids } from './x509-svids.ts';

export interface WorkloadApiParts extends SvidChoice {
  /** To the endpoint. Nothing is left open on it while nobody watches or waits. */
  readonly transport: RpcTransport;
  /** For errors. */
  readonly endpoint: string;
  /** `bundles`: whom to trust and nothing else, for a process that no identity is registered for. */
  readonly ask: 'svid' | 'bundles';
  readonly clock: Clock;
  readonly random: Random;
  readonly onError: (error: Error) => void;
}

/** From 1 to 30 s, as go-spiffe's: the agent is on this host, and one that starts should not be waited for long. */
const BACKOFF: BackoffOptions = { baseMs: 1_000, maxMs: 30_000 };

/**
 * An identity from a SPIFFE Workload API, such as SPIRE's agent: X.509 SVIDs over a stream that is opened by the first watcher, and JWT
 * SVIDs by calls. What was in force stays so while the endpoint is away, and ends when the endpoint takes it back (PERMISSION_DENIED,
 * or an SVID that is not there any more). After INVALID_ARGUMENT and UNIMPLEMENTED it is not asked again. (SPIFFE Workload Endpoint, appendix A)
 */
export class WorkloadApi implements IdentityProvider {
  readonly #parts: WorkloadApiParts;
  readonly #identity: WatchedSource<Identity>;
  readonly #jwt: JwtSvids;

  constructor(parts: WorkloadApiParts) {
    this.#parts = parts;
    this.#identity = new WatchedSource((teller) => this.#follow(teller), sameIdentity, parts.onError);
    this.#jwt = new JwtSvids({ ...parts, backoff: BACKOFF });
  }

  watch(watcher: Watcher<Identity>): Unwatch {
    return this.#identity.watch(watcher);
  }

  /** A token for these audiences; `choice` as for X.509 SVIDs, and by default the same. Rejects where there is none. */
  fetchJwtSvid(audience: string | readonly string[], choice: SvidChoice = this.#parts): Promise<JwtSvid> {
    return this.#jwt.fetch([audience].flat(), choice);
  }

  /** Has the endpoint judge a token that somebody showed us. Rejects where it is not good. */
  validateJwtSvid(token: string, audience: string): Promise<ValidatedJwtSvid> {
    return this.#jwt.validate(token, audience);
  }

  /** Follows the keys that tokens are signed with, for a validator of one's own. */
  watchJwtBundles(watcher: Watcher<JwtBundles>): Unwatch {
    return this.#jwt.bundles.watch(watcher);
  }

  #follow(teller: Teller<Identity>): () => void {
    const { transport, endpoint, ask, clock, random } = this.#parts;
    const place = `Workload API ${endpoint}`;
    const method = ask === 'svid' ? 'FetchX509SVID' : 'FetchX509Bundles';
    const stream = new FollowedStream(
      {
        transport,
        path: `/${SERVICE}/${method}`,
        metadata: SECURITY_HEADER,
        request: new Uint8Array(),
        clock,
        random,
        backoff: BACKOFF,
      },
      {
        onMessage: (message) => {
          try {
            teller.changed(
              ask === 'svid' ? readX509Svids(message, this.#parts, clock.wallNow()) : readX509Bundles(message),
            );
            return true;
          } catch (cause) {
            const error = identityError(place, `${method}: ${(cause as Error).message}`, cause);
            if (cause instanceof NoSuchSvid) teller.lost(error);
            else teller.failed(error);
            return false;
          }
        },
        onFailed: (cause, forGood) => {
          if (cause.code === rpcCode.permissionDenied) {
            const remedy = 'register an entry that this process matches';
            teller.lost(
              identityError(place, `no identity is issued to this process, ${remedy}: ${cause.message}`, cause),
            );
            return;
          }
          const outlook = forGood ? '; it is not asked again' : '';
          teller.failed(identityError(place, `${method} failed: ${cause.message}${outlook}`, cause));
        },
      },
    );
    return () => stream.close();
  }
}
