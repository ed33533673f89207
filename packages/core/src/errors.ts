/** What went wrong, as a closed set; Envoy's response flag and the HTTP status follow from it. */
export type MeshErrorCode =
  | 'no_route'
  | 'no_cluster'
  | 'no_healthy_upstream'
  | 'drop_overload'
  | 'unconditional_drop_overload'
  | 'upstream_overflow'
  | 'retry_limit_exceeded'
  | 'connection_failure'
  | 'connection_termination'
  | 'remote_reset'
  | 'protocol_error'
  | 'request_timeout'
  | 'config_timeout'
  | 'hold_overflow'
  | 'unsupported'
  | 'invalid_request'
  | 'invalid_config'
  | 'not_in_mesh'
  | 'draining'
  | 'fault_abort'
  | 'rate_limited'
  | 'request_too_large'
  | 'access_denied'
  | 'filter_failed';

interface Trait {
  /** Envoy's response flag; '-' where Envoy has none. */
  readonly flag: string;
  /** Status of the local reply. */
  readonly status: number;
  /** What Envoy writes as `response_code_details`; null where they are made from the reset reason. */
  readonly details: string | null;
  /** Body of the local reply; Envoy's text where it has one. Null: the message. */
  readonly body: string | null;
  /** Envoy's word for what ended the attempt; body and details tell it. */
  readonly reset: string | null;
}

/** Failures that Envoy tells by their details. */
function local(flag: string, status: number, details: string, body: string | null = null): Trait {
  return { flag, status, details, body, reset: null };
}

/** Failures that Envoy tells as the reset of an attempt. */
function reset(flag: string, status: number, reason: string): Trait {
  return { flag, status, details: null, body: null, reset: reason };
}

const traits: { readonly [C in MeshErrorCode]: Trait } = {
  no_route: local('NR', 404, 'route_not_found', ''),
  no_cluster: local('NC', 503, 'cluster_not_found', ''),
  no_healthy_upstream: local('UH', 503, 'no_healthy_upstream', 'no healthy upstream'),
  unconditional_drop_overload: local('UDO', 503, 'unconditional_drop_overload', 'unconditional drop overload'),
  drop_overload: local('DO', 503, 'drop_overload', 'drop overload'),
  upstream_overflow: reset('UO', 503, 'overflow'),
  retry_limit_exceeded: local('URX', 503, 'upstream_reset_before_response_started'),
  connection_failure: reset('UF', 503, 'remote connection failure'),
  connection_termination: reset('UC', 503, 'connection termination'),
  remote_reset: reset('UR', 503, 'remote reset'),
  protocol_error: reset('UPE', 502, 'protocol error'),
  request_timeout: local('UT', 504, 'response_timeout', 'upstream request timeout'),
  config_timeout: local('NR', 503, 'mesh_config_timeout'),
  hold_overflow: local('UO', 503, 'mesh_hold_overflow'),
  unsupported: local('NFCF', 500, 'mesh_unsupported_config'),
  invalid_request: local('IH', 400, 'mesh_invalid_request'),
  invalid_config: local('-', 500, 'mesh_invalid_config'),
  not_in_mesh: local('NR', 502, 'mesh_host_refused'),
  fault_abort: local('FI', 503, 'fault_filter_abort', 'fault filter abort'),
  rate_limited: local('RL', 429, 'local_rate_limited', 'local_rate_limited'),
  request_too_large: local('-', 413, 'request_payload_too_large', 'Payload Too Large'),
  access_denied: local('-', 403, 'rbac_access_denied', 'RBAC: access denied'),
  filter_failed: local('-', 500, 'mesh_filter_failed'),
  draining: local('OM', 503, 'mesh_draining'),
};

/** Where in the mesh a failure happened; only what is known is set. */
export interface MeshErrorPlace {
  readonly authority?: string;
  readonly listener?: string;
  readonly route?: string;
  readonly cluster?: string;
  readonly endpoint?: string;
  readonly resource?: string;
  readonly nodeId?: string;
  readonly controlPlane?: string;
  readonly attempt?: number;
}

export interface MeshErrorOptions extends MeshErrorPlace {
  readonly cause?: unknown;
  /** Overrides the status of the local reply (`cluster_not_found_response_code`). */
  readonly status?: number;
  /** Overrides the body of the local reply. */
  readonly body?: string;
  /** Overrides the response flag. */
  readonly flag?: string;
  /** Overrides Envoy's word for what ended the attempt, such as `connection timeout`. */
  readonly reset?: string;
  /** Overrides the response code details. */
  readonly details?: string;
  /** True where the response had begun: the details say so. */
  readonly started?: boolean;
  /** True where the endpoint said that it did nothing with the request: REFUSED_STREAM, or a GOAWAY below it. (RFC 9113, 8.7) */
  readonly unprocessed?: boolean;
  /** The cluster's counter for it where that is not its code's: HTTP/2 counts otherwise than HTTP/1. Null for none. */
  readonly counter?: ResetCounter | null;
}

/** Counters of Envoy's for attempts that end without a response. */
export type ResetCounter = 'upstream_rq_rx_reset' | 'upstream_rq_tx_reset' | 'upstream_rq_pending_failure_eject';

/** What the layer that repeats attempts knows of the last one. */
export interface LastAttempt {
  readonly retried: boolean;
  /** Why there was no further attempt, as a response flag; null where none was called for. */
  readonly flag: string | null;
}

const brand: unique symbol = Symbol.for('inmesh.error') as never;
const placeKeys = [
  'authority',
  'listener',
  'route',
  'cluster',
  'endpoint',
  'resource',
  'nodeId',
  'controlPlane',
] as const;

/** A failure that the mesh itself decided or observed. Recognise it with `isMeshError`, which also holds across two copies of the package. */
export class MeshError extends Error {
  override readonly name: string = 'MeshError';
  readonly code: MeshErrorCode;
  readonly flag: string;
  readonly status: number;
  readonly place: MeshErrorPlace;
  readonly #options: MeshErrorOptions;
  readonly #text: string;
  readonly #retried: boolean;

  constructor(code: MeshErrorCode, message: string, options: MeshErrorOptions = {}, retried = false) {
    const {
      cause,
      status,
      body: _body,
      flag,
      reset: _reset,
      details: _details,
      started: _started,
      unprocessed: _unprocessed,
      counter: _counter,
      ...place
    } = options;
    const where = placeKeys.filter((key) => place[key] !== undefined).map((key) => `${key} ${place[key]}`);
    super(
      where.length > 0 ? `[${code}] ${message} (${where.join(', ')})` : `[${code}] ${message}`,
      cause === undefined ? undefined : { cause },
    );
    const trait = traits[code];
    this.code = code;
    this.flag = flag ?? trait.flag;
    this.status = status ?? trait.status;
    this.place = place;
    this.#options = options;
    this.#text = message;
    this.#retried = retried;
    Object.defineProperty(this, brand, { value: true });
  }

  /** The endpoint said that it did nothing with the request. */
  get unprocessed(): boolean {
    return this.#options.unprocessed === true;
  }

  /** Undefined where its code says it. */
  get counter(): ResetCounter | null | undefined {
    return this.#options.counter;
  }

  /** What happened, without code and place. */
  get reason(): string {
    return this.#text;
  }

  /** What Envoy writes as `response_code_details`. */
  get details(): string {
    const own = this.#options.details ?? traits[this.code].details;
    const when = this.#options.started ? 'after' : 'before';
    return own ?? `upstream_reset_${when}_response_started{${this.#reset?.replaceAll(' ', '_')}}`;
  }

  /** The same failure as the outcome of a call. Envoy puts the flag that ended the retries first: `URX,UF`. */
  asLast({ retried, flag }: LastAttempt): MeshError {
    if (!retried && flag === null) return this;
    const flags = flag === null ? this.flag : `${flag},${this.flag}`;
    return new MeshError(this.code, this.#text, { ...this.#options, flag: flags }, retried);
  }

  /** The same failure of a call to which something else happened before, told by flags such as `DI`; Envoy writes them in this order. */
  after(flags: readonly string[] | null): MeshError {
    if (flags === null) return this;
    const flag = [...flags, this.flag].join(',');
    return new MeshError(this.code, this.#text, { ...this.#options, flag }, this.#retried);
  }

  /** Body of the local reply that a sidecar would give. */
  get body(): string {
    const reason = this.#reset;
    const fallback = traits[this.code].body ?? (reason === null ? this.message : resetBody(reason, this.#retried));
    return this.#options.body ?? fallback;
  }

  get #reset(): string | null {
    return this.#options.reset ?? traits[this.code].reset;
  }
}

function resetBody(reason: string, retried: boolean): string {
  const which = retried ? 'retried and the latest reset reason' : 'reset reason';
  return `upstream connect error or disconnect/reset before headers. ${which}: ${reason}`;
}

/** True for a MeshError of any copy of inmesh. */
export function isMeshError(value: unknown): value is MeshError {
  return typeof value === 'object' && value !== null && brand in value;
}
