/** What went wrong, as a closed set; Envoy's response flag and the HTTP status follow from it. */
export type MeshErrorCode =
  | 'no_route'
  | 'no_cluster'
  | 'no_healthy_upstream'
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
  | 'draining';

interface Trait {
  /** Envoy's response flag; '-' where Envoy has none. */
  readonly flag: string;
  /** Status of the local reply. */
  readonly status: number;
  /** What Envoy writes as `response_code_details`. */
  readonly details: string;
  /** Body of the local reply; Envoy's text where it has one. Null: the message. */
  readonly body: string | null;
}

const traits: { readonly [C in MeshErrorCode]: Trait } = {
  no_route: { flag: 'NR', status: 404, details: 'route_not_found', body: '' },
  no_cluster: { flag: 'NC', status: 503, details: 'cluster_not_found', body: '' },
  no_healthy_upstream: { flag: 'UH', status: 503, details: 'no_healthy_upstream', body: 'no healthy upstream' },
  upstream_overflow: {
    flag: 'UO',
    status: 503,
    details: 'upstream_reset_before_response_started{overflow}',
    body: null,
  },
  retry_limit_exceeded: { flag: 'URX', status: 503, details: 'upstream_reset_before_response_started', body: null },
  connection_failure: {
    flag: 'UF',
    status: 503,
    details: 'upstream_reset_before_response_started{remote_connection_failure}',
    body: null,
  },
  connection_termination: {
    flag: 'UC',
    status: 503,
    details: 'upstream_reset_before_response_started{connection_termination}',
    body: null,
  },
  remote_reset: {
    flag: 'UR',
    status: 503,
    details: 'upstream_reset_before_response_started{remote_reset}',
    body: null,
  },
  protocol_error: {
    flag: 'UPE',
    status: 502,
    details: 'upstream_reset_before_response_started{protocol_error}',
    body: null,
  },
  request_timeout: { flag: 'UT', status: 504, details: 'response_timeout', body: 'upstream request timeout' },
  config_timeout: { flag: 'NR', status: 503, details: 'mesh_config_timeout', body: null },
  hold_overflow: { flag: 'UO', status: 503, details: 'mesh_hold_overflow', body: null },
  unsupported: { flag: 'NFCF', status: 500, details: 'mesh_unsupported_config', body: null },
  invalid_request: { flag: 'IH', status: 400, details: 'mesh_invalid_request', body: null },
  invalid_config: { flag: '-', status: 500, details: 'mesh_invalid_config', body: null },
  not_in_mesh: { flag: 'NR', status: 502, details: 'mesh_host_refused', body: null },
  draining: { flag: 'OM', status: 503, details: 'mesh_draining', body: null },
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
  readonly details: string;
  readonly place: MeshErrorPlace;
  readonly #body: string | null;
  readonly #text: string;

  constructor(code: MeshErrorCode, message: string, options: MeshErrorOptions = {}) {
    const { cause, status, body, flag, ...place } = options;
    const where = placeKeys.filter((key) => place[key] !== undefined).map((key) => `${key} ${place[key]}`);
    super(
      where.length > 0 ? `[${code}] ${message} (${where.join(', ')})` : `[${code}] ${message}`,
      cause === undefined ? undefined : { cause },
    );
    const trait = traits[code];
    this.code = code;
    this.flag = flag ?? trait.flag;
    this.status = status ?? trait.status;
    this.details = trait.details;
    this.place = place;
    this.#body = body ?? trait.body;
    this.#text = message;
    Object.defineProperty(this, brand, { value: true });
  }

  /** The same failure with a further response flag, as Envoy writes several: `UF,URX`. */
  withFlag(flag: string): MeshError {
    return new MeshError(this.code, this.#text, {
      ...this.place,
      flag: `${this.flag},${flag}`,
      status: this.status,
      body: this.body,
      ...(this.cause === undefined ? {} : { cause: this.cause }),
    });
  }

  /** Body of the local reply that a sidecar would give. */
  get body(): string {
    return this.#body ?? this.message;
  }
}

/** True for a MeshError of any copy of inmesh. */
export function isMeshError(value: unknown): value is MeshError {
  return typeof value === 'object' && value !== null && brand in value;
}
