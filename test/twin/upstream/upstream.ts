import type { ResourceInput } from '@inmesh/control-plane';
import { TYPE_URL } from '../../peers/support/feed.ts';
import { clientSocket, protocolOptions } from '../../peers/support/tls/contexts.ts';
import { type IdentityFiles, TestTrust } from '../../peers/support/tls/trust.ts';

type Json = Record<string, unknown>;

/** What the recorders speak: HTTP/1.1 or HTTP/2 (with prior knowledge), in the clear or over mutual TLS. */
const UPSTREAM_KINDS = ['h1', 'h2', 'mtls', 'mtls-h2'] as const;
export type UpstreamKind = (typeof UPSTREAM_KINDS)[number];

/** Throws for what is none. */
export function upstreamKind(text: string): UpstreamKind {
  const kind = UPSTREAM_KINDS.find((each) => each === text);
  if (kind === undefined) throw new Error(`--upstream must be one of ${UPSTREAM_KINDS.join(', ')}, not "${text}"`);
  return kind;
}

const OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** The server name that clusters tell. */
const SERVER_NAME = 'outbound_.80_._.recorder';

/** How recorders are spoken to, and how they listen. The cases are the same for all. */
export class Upstream implements Disposable {
  readonly kind: UpstreamKind;
  readonly http2: boolean;
  /** What recorders listen with over TLS; null in the clear. */
  readonly server: IdentityFiles | null;
  readonly #trust: TestTrust | null;
  readonly #fields: Json;

  private constructor(kind: UpstreamKind, tls: { trust: TestTrust; server: IdentityFiles; socket: Json } | null) {
    this.kind = kind;
    this.http2 = kind.endsWith('h2');
    this.server = tls?.server ?? null;
    this.#trust = tls?.trust ?? null;
    this.#fields = tls === null ? {} : { transport_socket: tls.socket };
  }

  static async create(kind: UpstreamKind): Promise<Upstream> {
    if (!kind.startsWith('mtls')) return new Upstream(kind, null);
    const trust = await TestTrust.create('twin.test');
    const [server, caller] = [await trust.identity('recorder'), await trust.identity('caller')];
    const socket = clientSocket({ identity: caller, servers: [server.spiffeId], sni: SERVER_NAME });
    return new Upstream(kind, { trust, server, socket });
  }

  /** The cluster as it must be for these recorders; one that says by itself how it is spoken to, and any other resource, stays as it is. */
  lead(resource: ResourceInput): ResourceInput {
    const fields = resource as Json;
    if (this.kind === 'h1' || fields['@type'] !== TYPE_URL.cluster) return resource;
    if (fields.transport_socket !== undefined || fields.transport_socket_matches !== undefined) return resource;
    return { ...fields, ...this.#fields, ...(this.http2 && http2Options(fields)) } as ResourceInput;
  }

  [Symbol.dispose](): void {
    this.#trust?.[Symbol.dispose]();
  }
}

/** Beside the protocol options that a cluster has for something else. */
function http2Options({ typed_extension_protocol_options: given = {} }: Json): Json {
  const { explicit_http_config: _, ...own } = ((given as Json)[OPTIONS] ?? {}) as Json;
  return protocolOptions('http2', own);
}
