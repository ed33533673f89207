import { type RegexEngine, RegexError } from '../util/regex.ts';

/** JavaScript's own expressions, which do for patterns that both engines read alike. */
export const plainRegex: RegexEngine = {
  compile(pattern) {
    let whole: RegExp;
    try {
      whole = new RegExp(`^(?:${pattern.replaceAll('(?P<', '(?<')})$`);
    } catch (cause) {
      throw new RegexError(`${pattern} is no pattern`, { cause });
    }
    return {
      names: namesIn(pattern),
      matches: (text) => whole.test(text),
      groups: (text) => whole.exec(text),
      replacer: (substitution) => (text) => text.replace(new RegExp(pattern, 'g'), substitution),
    };
  },
};

/** Of a pattern whose groups all have names, or none. */
function namesIn(pattern: string): Record<string, number> {
  return Object.fromEntries([...pattern.matchAll(/\(\?P?<(\w+)>/g)].map(([, name], index) => [name, index + 1]));
}
