import type {
  StatefulSession,
  StatefulSessionPerRoute,
} from '@inmesh/api/gen/envoy/extensions/filters/http/stateful_session/v3/stateful_session_pb';
import type { CookieBasedSessionState } from '@inmesh/api/gen/envoy/extensions/http/stateful_session/cookie/v3/cookie_pb';
import type { EnvelopeSessionState } from '@inmesh/api/gen/envoy/extensions/http/stateful_session/envelope/v3/envelope_pb';
import type { HeaderBasedSessionState } from '@inmesh/api/gen/envoy/extensions/http/stateful_session/header/v3/header_pb';
import { type SessionStateConfig, type StatefulSessionConfig, statefulSession } from '@inmesh/core';
import { type Decoding, milliseconds, Refusal, unpack } from '../decoding.ts';
import { readTypedConfig } from '../typed-config.ts';
import { type FilterDecoder, type FilterRow, filterRowWithOverride } from './row.ts';

const FILTER = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSession';
const PER_ROUTE = 'envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute';
const STATES = 'envoy.extensions.http.stateful_session';

const decode: FilterDecoder<StatefulSessionConfig> = (decoding, any, field, unsupported) =>
  settings(decoding, unpack<StatefulSession>(decoding, any, FILTER, field), field, unsupported);

const decodeOverride: FilterDecoder<StatefulSessionConfig | 'disabled'> = (decoding, any, field, unsupported) => {
  const { override } = unpack<StatefulSessionPerRoute>(decoding, any, PER_ROUTE, field);
  if (override.case !== 'statefulSession') return 'disabled';
  return settings(decoding, override.value, `${field}.stateful_session`, unsupported);
};

function settings(
  decoding: Decoding,
  message: StatefulSession,
  field: string,
  unsupported: string[],
): StatefulSessionConfig {
  const { sessionState, strict, statusOnStrictDestinationNotFound: status } = message;
  const place = `${field}.session_state.typed_config`;
  const state = sessionState === undefined ? null : decodeState(decoding, sessionState.typedConfig, place, unsupported);
  return { state, strict, strictStatus: strict && status !== 0 ? status : 503 };
}

function decodeState(
  decoding: Decoding,
  packed: Parameters<typeof readTypedConfig>[0],
  field: string,
  unsupported: string[],
): SessionStateConfig | null {
  const { typeName, any } = readTypedConfig(packed, field);
  if (any !== null && typeName === `${STATES}.cookie.v3.CookieBasedSessionState`) {
    const { cookie } = unpack<CookieBasedSessionState>(decoding, any, typeName, field);
    if (cookie === undefined || cookie.name === '') {
      throw new Refusal(`${field}.cookie`, 'Cookie key cannot be empty for cookie based stateful sessions');
    }
    const { name, path, attributes } = cookie;
    const ttl = cookie.ttl === undefined ? 0 : Math.floor(milliseconds(cookie.ttl) / 1000);
    return {
      kind: 'cookie',
      cookie: { name, path, ttl, attributes: attributes.map((each) => ({ name: each.name, value: each.value })) },
    };
  }
  if (any !== null && typeName === `${STATES}.header.v3.HeaderBasedSessionState`) {
    const { name } = unpack<HeaderBasedSessionState>(decoding, any, typeName, field);
    return { kind: 'header', name: name.toLowerCase() };
  }
  if (any !== null && typeName === `${STATES}.envelope.v3.EnvelopeSessionState`) {
    const { header } = unpack<EnvelopeSessionState>(decoding, any, typeName, field);
    return { kind: 'envelope', name: header?.name.toLowerCase() ?? '' };
  }
  unsupported.push(field);
  return null;
}

export const statefulSessionRow: FilterRow = filterRowWithOverride(
  [FILTER, decode],
  [PER_ROUTE, decodeOverride],
  statefulSession,
);
