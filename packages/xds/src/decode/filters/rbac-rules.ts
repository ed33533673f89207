import type { Permission, Principal, SourcedMetadata } from '@inmesh/api/gen/envoy/config/rbac/v3/rbac_pb';
import type { UriTemplateMatchConfig } from '@inmesh/api/gen/envoy/extensions/path/match/uri_template/v3/uri_template_match_pb';
import type { RbacRule } from '@inmesh/core';
import { type Decoding, enumName, Refusal, unpack } from '../decoding.ts';
import { decodeFilterState, decodeHeader, decodeMetadata, decodeString, UnsupportedMatcher } from '../matchers.ts';
import { requireTemplate } from '../route-match.ts';
import { readTypedConfig } from '../typed-config.ts';

const NEVER: RbacRule = { kind: 'never' };
const ANY: RbacRule = { kind: 'any' };
const URI_TEMPLATE = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';
const MTLS = 'envoy.extensions.rbac.principals.mtls_authenticated.v3.Config';

/** Any of them. */
export function decodePermissions(
  decoding: Decoding,
  messages: readonly Permission[],
  field: string,
  unsupported: string[],
): RbacRule {
  return anyOf(messages, field, unsupported, (each, place) => permission(decoding, each, place));
}

/** Any of them. */
export function decodePrincipals(
  decoding: Decoding,
  messages: readonly Principal[],
  field: string,
  unsupported: string[],
): RbacRule {
  return anyOf(messages, field, unsupported, (each, place) => principal(decoding, each, place));
}

function anyOf<Message>(
  messages: readonly Message[],
  field: string,
  unsupported: string[],
  read: (message: Message, field: string) => RbacRule,
): RbacRule {
  const rules = messages.map((message, index): RbacRule => {
    try {
      return read(message, `${field}[${index}]`);
    } catch (error) {
      if (!(error instanceof UnsupportedMatcher)) throw error;
      unsupported.push(error.field);
      return NEVER;
    }
  });
  return { kind: 'or', rules };
}

function permission(decoding: Decoding, { rule }: Permission, field: string): RbacRule {
  switch (rule.case) {
    case 'andRules':
    case 'orRules': {
      const [kind, name] = rule.case === 'andRules' ? (['and', 'and_rules'] as const) : (['or', 'or_rules'] as const);
      const place = `${field}.${name}.rules`;
      return { kind, rules: rule.value.rules.map((each, index) => permission(decoding, each, `${place}[${index}]`)) };
    }
    case 'notRule':
      return { kind: 'not', rule: permission(decoding, rule.value, `${field}.not_rule`) };
    case 'any':
      return ANY;
    case 'header':
      return { kind: 'header', match: decodeHeader(decoding, rule.value, `${field}.header`) };
    case 'urlPath':
      return urlPath(decoding, rule.value, `${field}.url_path`);
    case 'destinationIp':
    case 'destinationPort':
      return NEVER;
    case 'destinationPortRange': {
      const { start, end } = rule.value;
      const place = `${field}.destination_port_range`;
      if (start < 0 || start > 65536) throw new Refusal(place, `range start ${start} is out of bounds`);
      if (end < 0 || end > 65536) throw new Refusal(place, `range end ${end} is out of bounds`);
      if (start >= end) {
        throw new Refusal(place, `range start ${start} cannot be greater or equal than range end ${end}`);
      }
      return NEVER;
    }
    case 'metadata':
      return {
        kind: 'metadata',
        match: decodeMetadata(decoding, rule.value, `${field}.metadata`),
        source: 'dynamic',
      };
    case 'sourcedMetadata':
      return sourced(decoding, rule.value, `${field}.sourced_metadata`);
    case 'requestedServerName': {
      const match = decodeString(decoding, rule.value, `${field}.requested_server_name`);
      return { kind: 'requested_server_name', match };
    }
    case 'uriTemplate': {
      const place = `${field}.uri_template.typed_config`;
      const { any, typeName } = readTypedConfig(rule.value.typedConfig, place);
      if (any === null || typeName !== URI_TEMPLATE) throw new UnsupportedMatcher(`${place} (${typeName})`);
      const { pathTemplate } = unpack<UriTemplateMatchConfig>(decoding, any, URI_TEMPLATE, place);
      return { kind: 'uri_template', template: requireTemplate(pathTemplate, place) };
    }
    case 'matcher':
      throw new UnsupportedMatcher(`${field}.matcher`);
    default:
      throw new Refusal(field, 'rule is required');
  }
}

function principal(decoding: Decoding, { identifier }: Principal, field: string): RbacRule {
  switch (identifier.case) {
    case 'andIds':
    case 'orIds': {
      const [kind, name] = identifier.case === 'andIds' ? (['and', 'and_ids'] as const) : (['or', 'or_ids'] as const);
      const place = `${field}.${name}.ids`;
      return { kind, rules: identifier.value.ids.map((each, i) => principal(decoding, each, `${place}[${i}]`)) };
    }
    case 'notId':
      return { kind: 'not', rule: principal(decoding, identifier.value, `${field}.not_id`) };
    case 'any':
      return ANY;
    case 'authenticated':
    case 'sourceIp':
    case 'directRemoteIp':
    case 'remoteIp':
      return NEVER;
    case 'header':
      return { kind: 'header', match: decodeHeader(decoding, identifier.value, `${field}.header`) };
    case 'urlPath':
      return urlPath(decoding, identifier.value, `${field}.url_path`);
    case 'metadata': {
      const match = decodeMetadata(decoding, identifier.value, `${field}.metadata`);
      return { kind: 'metadata', match, source: 'dynamic' };
    }
    case 'sourcedMetadata':
      return sourced(decoding, identifier.value, `${field}.sourced_metadata`);
    case 'filterState': {
      const match = decodeFilterState(decoding, identifier.value, `${field}.filter_state`);
      return { kind: 'filter_state', match };
    }
    case 'custom': {
      const place = `${field}.custom.typed_config`;
      const { typeName } = readTypedConfig(identifier.value.typedConfig, place);
      if (typeName === MTLS) return NEVER;
      throw new UnsupportedMatcher(`${place} (${typeName})`);
    }
    default:
      throw new Refusal(field, 'identifier is required');
  }
}

function urlPath(
  decoding: Decoding,
  { rule }: Extract<Permission['rule'], { case: 'urlPath' }>['value'],
  field: string,
): RbacRule {
  if (rule.case === undefined) throw new Refusal(field, 'rule is required');
  return { kind: 'url_path', match: decodeString(decoding, rule.value, `${field}.path`) };
}

function sourced(decoding: Decoding, message: SourcedMetadata, field: string): RbacRule {
  const { metadataMatcher, metadataSource } = message;
  if (metadataMatcher === undefined) throw new Refusal(`${field}.metadata_matcher`, 'value is required');
  const source = enumName('envoy.config.rbac.v3.MetadataSource', metadataSource) === 'ROUTE' ? 'route' : 'dynamic';
  const match = decodeMetadata(decoding, metadataMatcher, `${field}.metadata_matcher`);
  return { kind: 'metadata', match, source };
}
