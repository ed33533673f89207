import { compileFormat, type Format, isPlain } from '../format/format.ts';
import type { Shown } from '../format/shown.ts';
import type { Headers } from '../headers.ts';
import type { HeaderMutations, HeaderToAdd } from '../model/header-mutation.ts';

/** Changes headers; `shown` is what formats may look at. */
export type HeaderMutator = (headers: Headers, shown: Shown) => void;

interface Addition extends HeaderToAdd {
  readonly format: Format;
}

/** Null where there is nothing to do, so that nothing is done for it per call. */
export function compileHeaderMutations({ add, remove }: HeaderMutations): HeaderMutator | null {
  if (add.length === 0 && remove.length === 0) return null;
  const additions = add.map((each): Addition => ({ ...each, format: formatOf(each.value) }));
  return (headers, shown) => {
    for (const name of remove) headers.delete(name);
    if (additions.length > 0) evaluate(additions, headers, shown);
  };
}

/** One after the other; null where there is nothing to do. */
export function inTurn(mutators: readonly (HeaderMutator | null)[]): HeaderMutator | null {
  const busy = mutators.filter((each) => each !== null);
  if (busy.length <= 1) return busy[0] ?? null;
  return (headers, shown) => {
    for (const mutate of busy) mutate(headers, shown);
  };
}

function formatOf(value: string): Format {
  return isPlain(value) ? () => value : compileFormat(value, '');
}

/**
 * All values are made from the headers as they were, then the replacements are made, then the additions, as Envoy does it.
 * (HeaderParser::evaluateHeaders)
 */
function evaluate(additions: readonly Addition[], headers: Headers, shown: Shown): void {
  const overwrite: string[] = [];
  const append: string[] = [];
  for (const { name, format, action, keepEmptyValue } of additions) {
    const value = headerValue(format(shown));
    if (value === '' && !keepEmptyValue) continue;
    switch (action) {
      case 'append_if_exists_or_add':
        append.push(name, value);
        break;
      case 'add_if_absent':
        if (!headers.has(name)) append.push(name, value);
        break;
      case 'overwrite_if_exists':
        if (headers.has(name)) overwrite.push(name, value);
        break;
      case 'overwrite_if_exists_or_add':
        overwrite.push(name, value);
    }
  }
  for (let i = 0; i < overwrite.length; i += 2) headers.set(overwrite[i] as string, overwrite[i + 1] as string);
  for (let i = 0; i < append.length; i += 2) headers.append(append[i] as string, append[i + 1] as string);
}

/** What came in from outside by way of a format must not break out of its line. */
function headerValue(value: string): string {
  return value.replace(/[\r\n\0]/g, '');
}
