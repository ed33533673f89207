import type { TypedExtensionConfig } from '@inmesh/api/gen/envoy/config/core/v3/extension_pb';
import type {
  RedirectAction as ProtoRedirect,
  RouteAction as ProtoRouteAction,
} from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { UriTemplateRewriteConfig } from '@inmesh/api/gen/envoy/extensions/path/rewrite/uri_template/v3/uri_template_rewrite_pb';
import type { RegexMatchAndSubstitute } from '@inmesh/api/gen/envoy/type/matcher/v3/regex_pb';
import {
  type HostRewrite,
  type PathMatch,
  type PathRewrite,
  type RedirectAction,
  type RegexSubstitution,
  UriTemplateError,
  uriTemplateRewriter,
} from '@inmesh/core';
import { type Decoding, enumName, Refusal, requireRegex, unpack } from './decoding.ts';
import { requireFormat } from './header-mutation.ts';
import { readTypedConfig } from './typed-config.ts';

const URI_TEMPLATE = 'envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig';

/** How a route changes the paths of its requests; null for not at all. */
export function decodePathRewrite(
  decoding: Decoding,
  { prefixRewrite, regexRewrite, pathRewrite, pathRewritePolicy }: ProtoRouteAction,
  match: PathMatch | null,
  field: string,
): PathRewrite | null {
  const given = [prefixRewrite !== '', regexRewrite !== undefined, pathRewrite !== '', pathRewritePolicy !== undefined];
  if (given.filter(Boolean).length > 1) {
    throw new Refusal(
      field,
      'only one of prefix_rewrite, regex_rewrite, path_rewrite or path_rewrite_policy can be specified',
    );
  }
  if (regexRewrite !== undefined) {
    return { kind: 'regex', ...decodeSubstitution(decoding, regexRewrite, `${field}.regex_rewrite`) };
  }
  if (pathRewrite !== '') {
    requireFormat(pathRewrite, `${field}.path_rewrite`);
    return { kind: 'format', value: pathRewrite };
  }
  if (pathRewritePolicy !== undefined) {
    return decodeRewritePolicy(decoding, pathRewritePolicy, match, `${field}.path_rewrite_policy`);
  }
  return prefixRewrite === '' ? null : { kind: 'prefix', value: prefixRewrite };
}

function decodeRewritePolicy(
  decoding: Decoding,
  { typedConfig }: TypedExtensionConfig,
  match: PathMatch | null,
  field: string,
): PathRewrite {
  const place = `${field}.typed_config`;
  const { any, typeName } = readTypedConfig(typedConfig, place);
  if (typeName !== URI_TEMPLATE || any === null) throw new Refusal(place, `no rewriter of type ${typeName}`);
  if (match?.kind !== 'uri_template') {
    throw new Refusal(place, 'a URI template rewriter needs a path_match_policy with a URI template');
  }
  const { pathTemplateRewrite } = unpack<UriTemplateRewriteConfig>(decoding, any, URI_TEMPLATE, place);
  try {
    uriTemplateRewriter(match.value, pathTemplateRewrite, decoding.regex);
  } catch (cause) {
    if (!(cause instanceof UriTemplateError)) throw cause;
    throw new Refusal(`${place}.path_template_rewrite`, cause.message, { cause });
  }
  return { kind: 'uri_template', value: pathTemplateRewrite };
}

export function decodeHostRewrite(
  decoding: Decoding,
  { hostRewriteSpecifier: specifier }: ProtoRouteAction,
  field: string,
): HostRewrite | null {
  switch (specifier.case) {
    case 'hostRewriteLiteral':
      return specifier.value === '' ? null : { kind: 'literal', value: specifier.value };
    case 'hostRewriteHeader':
      return specifier.value === '' ? null : { kind: 'header', name: specifier.value.toLowerCase() };
    case 'hostRewritePathRegex': {
      const place = `${field}.host_rewrite_path_regex`;
      return { kind: 'path_regex', ...decodeSubstitution(decoding, specifier.value, place) };
    }
    case 'hostRewrite':
      if (specifier.value === '') return null;
      requireFormat(specifier.value, `${field}.host_rewrite`);
      return { kind: 'format', value: specifier.value };
    case 'autoHostRewrite':
      return specifier.value.value ? { kind: 'auto' } : null;
    default:
      return null;
  }
}

export function decodeSubstitution(
  decoding: Decoding,
  { pattern, substitution }: RegexMatchAndSubstitute,
  field: string,
): RegexSubstitution {
  return {
    pattern: requireRegex(decoding, pattern?.regex ?? '', `${field}.pattern.regex`),
    substitution,
  };
}

const STATUS: { readonly [name: string]: RedirectAction['status'] } = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

export function decodeRedirect(decoding: Decoding, message: ProtoRedirect, field: string): RedirectAction {
  const name = enumName('envoy.config.route.v3.RedirectAction.RedirectResponseCode', message.responseCode);
  const { schemeRewriteSpecifier: scheme } = message;
  return {
    kind: 'redirect',
    status: STATUS[name] ?? 301,
    scheme: scheme.case === 'schemeRedirect' ? scheme.value : scheme.value === true ? 'https' : '',
    host: message.hostRedirect,
    port: message.portRedirect,
    path: decodeRedirectPath(decoding, message, field),
    stripQuery: message.stripQuery,
  };
}

function decodeRedirectPath(
  decoding: Decoding,
  { pathRewriteSpecifier: specifier }: ProtoRedirect,
  field: string,
): RedirectAction['path'] {
  switch (specifier.case) {
    case 'pathRedirect':
      return specifier.value === '' ? null : { kind: 'replace', value: specifier.value };
    case 'prefixRewrite':
      return specifier.value === '' ? null : { kind: 'prefix', value: specifier.value };
    case 'regexRewrite':
      return { kind: 'regex', ...decodeSubstitution(decoding, specifier.value, `${field}.regex_rewrite`) };
    case 'pathRewrite':
      if (specifier.value === '') return null;
      requireFormat(specifier.value, `${field}.path_rewrite`);
      return { kind: 'format', value: specifier.value };
    default:
      return null;
  }
}
