import { create, fromBinary, type JsonObject, toBinary } from '@bufbuild/protobuf';
import { messageType } from '@inmesh/api';
import type {
  JWTBundlesResponse as JwtBundlesResponse,
  JWTSVIDRequest as JwtSvidRequest,
  JWTSVIDResponse as JwtSvidResponse,
  ValidateJWTSVIDRequest as ValidateRequest,
  ValidateJWTSVIDResponse as ValidateResponse,
} from '@inmesh/api/gen/workload_pb';
import type { BackoffOptions, Clock, MeshError, Random, RpcTransport } from '@inmesh/core';
import { identityError } from '../identity-error.ts';
import { callRpc } from '../rpc/call.ts';
import { FollowedStream } from '../rpc/followed-stream.ts';
import { rpcCode } from '../rpc/rpc-error.ts';
import { parseSpiffeId } from '../spiffe-id.ts';
import { type Teller, WatchedSource } from '../watched-source.ts';
import { trustDomainOf } from './bundle-name.ts';
import { SECURITY_HEADER, SERVICE } from './service.ts';
import { chooseSvid, noSuchSvid, type SvidChoice } from './svid-choice.ts';

/** A token that says who we are, to one audience. */
export interface JwtSvid {
  readonly spiffeId: string;
  /** JWS, compact. Whoever has it is taken for us. */
  readonly token: string;
  /** Milliseconds since 1970, from the claim `exp`. */
  readonly notAfter: number;
}

/** What a token says, once it is found good. */
export interface ValidatedJwtSvid {
  readonly spiffeId: string;
  readonly claims: JsonObject;
}

/** JWK sets (JSON) by trust domain: a token is checked with the set of its subject's domain, or is not trusted. */
export type JwtBundles = ReadonlyMap<string, string>;

export interface JwtSvidsParts extends SvidChoice {
  readonly transport: RpcTransport;
  readonly endpoint: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly backoff: BackoffOptions;
  readonly onError: (error: Error) => void;
}

/** The endpoint may have to ask its server for a token: as long as a call waits for its route. */
const TIMEOUT_MS = 20_000;

/** JWT SVIDs of a Workload API. (SPIFFE Workload API, section 6) */
export class JwtSvids {
  readonly #parts: JwtSvidsParts;
  /** The keys that tokens are signed with. */
  readonly bundles: WatchedSource<JwtBundles>;

  constructor(parts: JwtSvidsParts) {
    this.#parts = parts;
    this.bundles = new WatchedSource((teller) => this.#follow(teller), sameBundles, parts.onError);
  }

  /** It is not kept: the endpoint caches. */
  async fetch(audience: readonly string[], choice: SvidChoice): Promise<JwtSvid> {
    const type = messageType<JwtSvidRequest>('JWTSVIDRequest');
    const request = create(type, { audience: [...audience], spiffeId: choice.spiffeId ?? '' });
    const answer = await this.#call('FetchJWTSVID', toBinary(type, request));
    const { svids } = fromBinary(messageType<JwtSvidResponse>('JWTSVIDResponse'), answer);
    const svid = chooseSvid(svids, choice);
    if (svid === null) throw this.#error(svids.length === 0 ? 'the response has no SVID' : noSuchSvid(svids, choice));
    const notAfter = expiryOf(svid.svid);
    if (notAfter === null) throw this.#error(`the SVID of ${svid.spiffeId} is no JWT with a time of expiry`);
    return { spiffeId: svid.spiffeId, token: svid.svid, notAfter };
  }

  async validate(token: string, audience: string): Promise<ValidatedJwtSvid> {
    const type = messageType<ValidateRequest>('ValidateJWTSVIDRequest');
    const answer = await this.#call('ValidateJWTSVID', toBinary(type, create(type, { audience, svid: token })));
    const { spiffeId, claims } = fromBinary(messageType<ValidateResponse>('ValidateJWTSVIDResponse'), answer);
    if (parseSpiffeId(spiffeId) === null) throw this.#error(`the token's subject "${spiffeId}" is no SPIFFE ID`);
    return { spiffeId, claims: claims ?? {} };
  }

  #follow(teller: Teller<JwtBundles>): () => void {
    const { transport, clock, random, backoff } = this.#parts;
    const path = `/${SERVICE}/FetchJWTBundles`;
    const stream = new FollowedStream(
      { transport, path, metadata: SECURITY_HEADER, request: new Uint8Array(), clock, random, backoff },
      {
        onMessage: (message) => {
          try {
            teller.changed(readBundles(message));
            return true;
          } catch (cause) {
            teller.failed(this.#error(`FetchJWTBundles: ${(cause as Error).message}`, cause));
            return false;
          }
        },
        onFailed: (cause) => {
          const error = this.#error(`FetchJWTBundles failed: ${cause.message}`, cause);
          if (cause.code === rpcCode.permissionDenied) teller.lost(error);
          else teller.failed(error);
        },
      },
    );
    return () => stream.close();
  }

  async #call(method: string, request: Uint8Array): Promise<Uint8Array> {
    const { transport, clock } = this.#parts;
    const path = `/${SERVICE}/${method}`;
    try {
      return await callRpc({ transport, path, metadata: SECURITY_HEADER, request, timeoutMs: TIMEOUT_MS, clock });
    } catch (cause) {
      throw this.#error(`${method}: ${(cause as Error).message}`, cause);
    }
  }

  #error(message: string, cause?: unknown): MeshError {
    return identityError(`Workload API ${this.#parts.endpoint}`, message, cause);
  }
}

function readBundles(message: Uint8Array): JwtBundles {
  const { bundles } = fromBinary(messageType<JwtBundlesResponse>('JWTBundlesResponse'), message);
  const read = new Map<string, string>();
  for (const [name, bundle] of Object.entries(bundles)) {
    read.set(trustDomainOf(name), Buffer.from(bundle).toString('utf8'));
  }
  if (read.size === 0) throw new Error('the response has no bundle');
  return read;
}

/** Null for what is no JWT, or one without `exp`. Its signature is the receiver's to check. */
function expiryOf(token: string): number | null {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const { exp } = claims as { exp?: unknown };
    return typeof exp === 'number' ? exp * 1000 : null;
  } catch {
    return null;
  }
}

function sameBundles(one: JwtBundles, other: JwtBundles): boolean {
  return one.size === other.size && [...one].every(([domain, keys]) => other.get(domain) === keys);
}
