import type { Any } from '@bufbuild/protobuf/wkt';
import type {
  DynamicMetadataInput,
  FilterStateInput,
} from '@inmesh/api/gen/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb';
import type {
  HttpRequestHeaderMatchInput,
  HttpRequestQueryParamMatchInput,
} from '@inmesh/api/gen/envoy/type/matcher/v3/http_inputs_pb';
import type { MatchInput } from '@inmesh/core';
import { type Decoding, unpack } from './decoding.ts';
import { readTypedConfig } from './typed-config.ts';

const HTTP = 'envoy.type.matcher.v3';
const COMMON = 'envoy.extensions.matching.common_inputs';

/** What a connection of the caller's would tell: a call that is made in this process came over none. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  `${COMMON}.network.v3.DestinationIPInput`,
  `${COMMON}.network.v3.DestinationPortInput`,
  `${COMMON}.network.v3.SourceIPInput`,
  `${COMMON}.network.v3.SourcePortInput`,
  `${COMMON}.network.v3.DirectSourceIPInput`,
  `${COMMON}.network.v3.SourceTypeInput`,
  `${COMMON}.network.v3.ServerNameInput`,
  `${COMMON}.ssl.v3.UriSanInput`,
  `${COMMON}.ssl.v3.DnsSanInput`,
  `${COMMON}.ssl.v3.SubjectInput`,
]);

/** What a matcher tree of an HTTP filter looks at; null for what this version lacks. */
export function readHttpInput(decoding: Decoding, config: Any | undefined, field: string): MatchInput | null {
  const { any, typeName } = readTypedConfig(config, field);
  if (any === null) return null;
  if (OF_THE_CONNECTION.has(typeName)) return { kind: 'none' };
  switch (typeName) {
    case `${HTTP}.HttpRequestHeaderMatchInput`: {
      const { headerName } = unpack<HttpRequestHeaderMatchInput>(decoding, any, typeName, field);
      return { kind: 'request_header', name: headerName.toLowerCase() };
    }
    case `${HTTP}.HttpRequestQueryParamMatchInput`: {
      const { queryParam } = unpack<HttpRequestQueryParamMatchInput>(decoding, any, typeName, field);
      return { kind: 'query_parameter', name: queryParam };
    }
    case `${COMMON}.network.v3.FilterStateInput`: {
      const input = unpack<FilterStateInput>(decoding, any, typeName, field);
      return input.field === '' ? { kind: 'filter_state', key: input.key } : null;
    }
    case `${COMMON}.network.v3.DynamicMetadataInput`: {
      const { filter, path } = unpack<DynamicMetadataInput>(decoding, any, typeName, field);
      return { kind: 'dynamic_metadata', filter, path: path.map(({ segment }) => segment.value ?? '') };
    }
    default:
      return null;
  }
}
