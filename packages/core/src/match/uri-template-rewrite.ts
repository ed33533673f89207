import type { RegexEngine } from '../util/regex.ts';
import { UriTemplateError, uriTemplatePattern } from './uri-template.ts';

/**
 * Makes a path of what another template found in one; null for a path that it does not match. Throws a UriTemplateError for a template
 * that is none, or that names a variable which the other does not have.
 * (envoy.extensions.path.rewrite.uri_template.v3.UriTemplateRewriteConfig)
 */
export function uriTemplateRewriter(
  match: string,
  rewrite: string,
  engine: RegexEngine,
): (path: string) => string | null {
  const regex = engine.compile(uriTemplatePattern(match));
  const parts = readTemplate(rewrite).map((part) => {
    if (typeof part === 'string') return part;
    const group = regex.names[part.variable];
    if (group === undefined) throw new UriTemplateError(`the template of the match has no variable ${part.variable}`);
    return group;
  });
  return (path) => {
    const groups = regex.groups(path);
    if (groups === null) return null;
    let out = '';
    for (const part of parts) out += typeof part === 'string' ? part : (groups[part] ?? '');
    return out;
  };
}

/** Literals and variables. */
function readTemplate(template: string): (string | { readonly variable: string })[] {
  if (!template.startsWith('/')) throw new UriTemplateError('it must begin with /');
  return template.split(/(\{[^{}]*\})/).map((part) => {
    if (part.startsWith('{')) return { variable: part.slice(1, -1) };
    if (/[{}]/.test(part)) throw new UriTemplateError('a brace has no other');
    if (part.includes('//')) throw new UriTemplateError('two slashes follow each other');
    if (!/^[!-~]*$/.test(part) || part.includes('*')) throw new UriTemplateError(`"${part}" is no literal`);
    return part;
  });
}
