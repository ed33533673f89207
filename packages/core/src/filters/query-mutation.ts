import { compileFormat } from '../format/format.ts';
import type { Shown } from '../format/shown.ts';
import type { HeaderAppendAction } from '../model/header-mutation.ts';

/** envoy.config.core.v3.KeyValueMutation; `value` is a substitution format string. */
export type QueryMutation =
  | { readonly key: string; readonly value: string; readonly action: HeaderAppendAction }
  | { readonly remove: string };

type Parameters = Map<string, string[]>;

/** Changes the query of a path; null where there is nothing to do. */
export function queryMutator(mutations: readonly QueryMutation[]): ((path: string, shown: Shown) => string) | null {
  if (mutations.length === 0) return null;
  const compiled = mutations.map(compileMutation);
  return (path, shown) => {
    const mark = path.indexOf('?');
    const parameters = parse(mark < 0 ? '' : path.slice(mark + 1));
    for (const mutate of compiled) mutate(parameters, shown);
    return (mark < 0 ? path : path.slice(0, mark)) + written(parameters);
  };
}

function compileMutation(mutation: QueryMutation): (parameters: Parameters, shown: Shown) => void {
  if ('remove' in mutation) return (parameters) => void parameters.delete(mutation.remove);
  const { key, action } = mutation;
  const format = compileFormat(mutation.value, '');
  return (parameters, shown) => {
    const known = parameters.get(key);
    if (known !== undefined ? action === 'add_if_absent' : action === 'overwrite_if_exists') return;
    const value = format(shown);
    if (known !== undefined && action === 'append_if_exists_or_add') known.push(value);
    else parameters.set(key, [value]);
  };
}

function parse(query: string): Parameters {
  const parameters: Parameters = new Map();
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = decoded(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? '' : decoded(pair.slice(equals + 1));
    const known = parameters.get(key);
    if (known === undefined) parameters.set(key, [value]);
    else known.push(value);
  }
  return parameters;
}

/** Percent-encoding undone byte by byte; what is none stays. */
function decoded(text: string): string {
  if (!text.includes('%')) return text;
  return text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** In the order of the names, as Envoy writes them. */
function written(parameters: Parameters): string {
  const pairs = [...parameters]
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .flatMap(([key, values]) => values.map((value) => `${encoded(key)}=${encoded(value)}`));
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}

/** What a path must not hold, and what would make another query of it. Values of formats are text, so they may be beyond Latin-1. */
function encoded(text: string): string {
  let out = '';
  for (const byte of text.search(/[^\0-\xff]/) < 0 ? Buffer.from(text, 'latin1') : Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    out +=
      byte > 0x20 && byte < 0x7f && !'"#%&<=>'.includes(char)
        ? char
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}
