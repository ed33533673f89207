import { pathOnly } from '../match/path.ts';
import { queryParameter } from '../match/query.ts';
import { addressText } from '../model/endpoint.ts';
import { FormatError, type Piece } from './piece.ts';
import type { Shown } from './shown.ts';
import { timeFormat } from './start-time.ts';
import { firstHeader, requestHeader, valueAt, valueText } from './values.ts';

interface Command {
  readonly params: 'none' | 'optional' | 'required';
  /** True where `:Z` may cut the value. */
  readonly length: boolean;
  readonly compile: (params: string) => Piece;
}

function plain(piece: Piece): Command {
  return { params: 'none', length: false, compile: () => piece };
}

function taking(params: 'optional' | 'required', compile: (params: string) => Piece): Command {
  return { params, length: true, compile };
}

/** Envoy's command operators as far as an in-process mesh knows an answer. (access_log usage: command operators) */
export const COMMANDS: { readonly [name: string]: Command } = {
  REQ: taking('required', (params) => header(params, ({ call }, name) => requestHeader(call.head, name))),
  RESP: taking('required', (params) =>
    header(params, ({ responseHeaders, status }, name) =>
      name === ':status' ? text(status) : firstHeader(responseHeaders, name),
    ),
  ),
  TRAILER: taking('required', (params) =>
    header(params, ({ responseTrailers }, name) => firstHeader(responseTrailers, name)),
  ),
  REQ_WITHOUT_QUERY: taking('required', (params) => {
    const piece = header(params, ({ call }, name) => requestHeader(call.head, name));
    return (shown) => {
      const value = piece(shown);
      return value === null ? null : pathOnly(value);
    };
  }),
  PATH: taking('optional', path),
  QUERY_PARAM: taking(
    'required',
    (name) =>
      ({ call }) =>
        queryParameter(call.head.path, name) ?? null,
  ),
  QUERY_PARAMS: taking(
    'optional',
    () =>
      ({ call }) =>
        queryString(call.head.path),
  ),
  LOCAL_REPLY_BODY: plain(({ localReplyBody }) => localReplyBody ?? ''),
  START_TIME: { params: 'optional', length: false, compile: (params) => time(params, ({ startedAt }) => startedAt) },
  EMIT_TIME: { params: 'optional', length: false, compile: (params) => time(params, ({ now }) => now) },
  DURATION: plain(({ startedAt, now, status }) => (status === null ? null : `${Math.round(now - startedAt)}`)),
  PROTOCOL: plain(() => 'HTTP/1.1'),
  RESPONSE_CODE: plain(({ status }) => text(status ?? 0)),
  RESPONSE_CODE_DETAILS: {
    params: 'optional',
    length: false,
    compile:
      () =>
      ({ details }) =>
        details?.replaceAll(' ', '_') ?? null,
  },
  RESPONSE_FLAGS: plain(({ flags }) => flags ?? '-'),
  ROUTE_NAME: plain(({ call }) => call.route?.name || null),
  UPSTREAM_CLUSTER: plain(({ call }) => call.cluster?.name ?? null),
  UPSTREAM_CLUSTER_RAW: plain(({ call }) => call.cluster?.name ?? null),
  UPSTREAM_REQUEST_ATTEMPT_COUNT: plain(({ call }) => `${call.cluster === null ? 0 : call.attempt}`),
  UPSTREAM_HOST: plain(remoteAddress),
  UPSTREAM_HOST_NAME: plain(({ call }) => call.endpoint?.config.hostname || remoteAddress({ call })),
  UPSTREAM_REMOTE_ADDRESS: plain(remoteAddress),
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: plain(({ call }) => {
    const address = call.endpoint?.config.address;
    return address?.kind === 'socket' ? address.host : null;
  }),
  UPSTREAM_REMOTE_PORT: plain(({ call }) => {
    const address = call.endpoint?.config.address;
    return address?.kind === 'socket' ? `${address.port}` : null;
  }),
  DYNAMIC_METADATA: taking('required', (params) => dynamicMetadata(params)),
  CLUSTER_METADATA: taking('required', (params) => metadata(params, ({ call }) => call.cluster?.config.metadata)),
  UPSTREAM_METADATA: taking('required', (params) => metadata(params, ({ call }) => call.endpoint?.config.metadata)),
  METADATA: taking('required', (params) => {
    const [source = '', ...rest] = params.split(':');
    const inner = rest.join(':');
    switch (source) {
      case 'DYNAMIC':
        return dynamicMetadata(inner);
      case 'CLUSTER':
        return metadata(inner, ({ call }) => call.cluster?.config.metadata);
      case 'ROUTE':
        return metadata(inner, ({ call }) => call.route?.config.metadata);
      case 'UPSTREAM_HOST':
        return metadata(inner, ({ call }) => call.endpoint?.config.metadata);
      case 'VIRTUAL_HOST':
      case 'LISTENER':
      case 'LISTENER_FILTER_CHAIN':
        return () => null;
      default:
        throw new FormatError(`${source} is not supported metadata type.`);
    }
  }),
  FILTER_STATE: taking('required', filterState),
  GRPC_STATUS: { params: 'optional', length: false, compile: grpcStatus },
  GRPC_STATUS_NUMBER: plain((shown) => grpcStatus('NUMBER')(shown)),
};

/** Names that Envoy knows and that have no value in the process of the caller: there is no downstream connection, no TLS of its own … */
const ABSENT =
  /^(?:DOWNSTREAM_[A-Z0-9_]+|UPSTREAM_(?:LOCAL_[A-Z_]+|TLS_[A-Z_]+|PEER_[A-Z_]+|WIRE_BYTES_[A-Z]+|HEADER_BYTES_[A-Z]+|DECOMPRESSED_HEADER_BYTES_[A-Z]+|PROTOCOL|TRANSPORT_FAILURE_REASON|DETECTED_CLOSE_TYPE|LOCAL_CLOSE_REASON|CONNECTION_ID|CONNECTION_POOL_READY_DURATION|HOST_NAME_WITHOUT_PORT|FILTER_STATE|HOSTS_ATTEMPTED[A-Z_]*|CONNECTION_IDS_ATTEMPTED)|RESPONSE_(?:DURATION|TX_DURATION|HEADERS_BYTES|TRAILERS_BYTES|FLAGS_LONG)|REQUEST_(?:DURATION|TX_DURATION|HEADERS_BYTES)|REQUESTED_SERVER_NAME|ROUNDTRIP_DURATION|COMMON_DURATION|BYTES_(?:RECEIVED|SENT|RETRANSMITTED)|PACKETS_RETRANSMITTED|CONNECTION_ID|CONNECTION_TERMINATION_DETAILS|VIRTUAL_CLUSTER_NAME|TLS_JA[34]_FINGERPRINT|UNIQUE_ID|STREAM_ID|HOSTNAME|TRACE_ID|SPAN_ID|CUSTOM_FLAGS|ACCESS_LOG_TYPE|FILTER_CHAIN_NAME|VIRTUAL_HOST_NAME|START_TIME_LOCAL|EMIT_TIME_LOCAL)$/;

/** True for a command of Envoy's that has no value here. */
export function isAbsentCommand(name: string): boolean {
  return ABSENT.test(name);
}

/** `NAME` or `NAME?ALTERNATIVE`. */
function header(params: string, get: (shown: Shown, name: string) => string | null): Piece {
  const names = params.toLowerCase().split('?');
  if (names.length > 2) throw new FormatError(`More than 1 alternative header specified in token: ${params}`);
  if (/[\n\r\0]/.test(params)) {
    throw new FormatError('Invalid header configuration. Format string contains null or newline.');
  }
  const [main, other] = names as [string, string?];
  if (other === undefined || other === '') return (shown) => get(shown, main);
  return (shown) => get(shown, main) ?? get(shown, other);
}

/** `WQ` or `NQ`, then `ORIG`, `PATH` or `ORIG_OR_PATH`. */
function path(params: string): Piece {
  const [query = '', source = '', ...more] = params.split(':');
  if (more.length > 0 || !['', 'WQ', 'NQ'].includes(query)) {
    throw new FormatError(`Invalid PATH option: '${query}', only 'WQ'/'NQ' are allowed`);
  }
  if (!['', 'ORIG', 'PATH', 'ORIG_OR_PATH'].includes(source)) {
    throw new FormatError(`Invalid PATH option: '${source}', only 'ORIG'/'PATH'/'ORIG_OR_PATH' are allowed`);
  }
  return ({ call: { head } }) => {
    const original = source === 'PATH' ? null : firstHeader(head.headers, 'x-envoy-original-path');
    const value = source === 'ORIG' ? original : (original ?? head.path);
    return value === null || query !== 'NQ' ? value : pathOnly(value);
  };
}

function queryString(target: string): string | null {
  const start = target.indexOf('?');
  return start === -1 ? null : target.slice(start + 1);
}

function time(params: string, at: (shown: Shown) => number): Piece {
  if (/\n|%[-_0^#]*[1-9]*[EO]?n/.test(params)) {
    throw new FormatError('Invalid header configuration. Format string contains newline.');
  }
  const format = timeFormat(params);
  return (shown) => format(at(shown));
}

/** `namespace:key:…`; the older `["namespace", "key"]` of header values too. */
function metadata(params: string, of: (shown: Shown) => unknown): Piece {
  const keys = metadataPath(params);
  return (shown) => valueText(valueAt(of(shown), keys));
}

function dynamicMetadata(params: string): Piece {
  const [namespace = '', ...keys] = metadataPath(params);
  return ({ call }) => valueText(valueAt(call.metadata?.get(namespace), keys));
}

function metadataPath(params: string): string[] {
  const trimmed = params.trim();
  if (!trimmed.startsWith('[')) return params.split(':');
  try {
    const keys: unknown = JSON.parse(trimmed);
    if (Array.isArray(keys) && keys.every((key) => typeof key === 'string')) return keys;
  } catch {
    // Envoy then takes the text for a key, as here.
  }
  return params.split(':');
}

function filterState(params: string): Piece {
  const [key = '', kind = 'TYPED', field = ''] = params.split(':');
  if (key === '') throw new FormatError('Invalid filter state configuration, key cannot be empty.');
  if (!['PLAIN', 'TYPED', 'FIELD'].includes(kind)) {
    throw new FormatError('Invalid filter state serialize type, only support PLAIN/TYPED/FIELD.');
  }
  if ((kind === 'FIELD') !== (field !== '')) {
    throw new FormatError('Invalid filter state serialize type, FIELD should be used with the field name.');
  }
  return ({ call }) => valueText(call.filterState?.get(key));
}

const GRPC_CODES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
];

function grpcStatus(format: string): Piece {
  if (!['', 'CAMEL_STRING', 'SNAKE_STRING', 'NUMBER'].includes(format)) {
    throw new FormatError('GrpcStatusFormatter only supports CAMEL_STRING, SNAKE_STRING or NUMBER.');
  }
  return ({ call, responseTrailers, responseHeaders }) => {
    if (!call.head.headers.get('content-type')?.startsWith('application/grpc')) return null;
    const code = firstHeader(responseTrailers, 'grpc-status') ?? firstHeader(responseHeaders, 'grpc-status');
    const name = code === null ? undefined : GRPC_CODES[Number(code)];
    if (name === undefined || format === 'NUMBER') return code;
    return format === 'SNAKE_STRING' ? name.replace(/(?!^)([A-Z])/g, '_$1').toUpperCase() : name;
  };
}

function remoteAddress({ call }: Pick<Shown, 'call'>): string | null {
  return call.endpoint === null ? null : addressText(call.endpoint.config.address);
}

function text(value: number | null): string | null {
  return value === null ? null : `${value}`;
}
