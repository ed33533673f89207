/**
 * What every text must begin with that a pattern of RE2 matches as a whole, as far as that is plain to see; '' where it is not.
 * Cautious: it may say less than holds, never more.
 */
export function literalPrefix(pattern: string): string {
  if (pattern.includes('\\Q') || hasTopLevelBranch(pattern)) return '';
  let prefix = '';
  for (let at = pattern.startsWith('^') ? 1 : 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    if (plain.test(char)) prefix += char;
    else if (char === '\\' && punctuation.test(pattern.charAt(at + 1))) prefix += pattern.charAt(++at);
    // The letter before it may be missing.
    else return '*?{'.includes(char) ? prefix.slice(0, -1) : prefix;
  }
  return prefix;
}

const plain = /[A-Za-z0-9/_~%!@&',;:= -]/;
const punctuation = /[^A-Za-z0-9\x80-\uffff]/;

/** A `|` outside of groups; any doubt counts as one. */
function hasTopLevelBranch(pattern: string): boolean {
  let depth = 0;
  for (let at = 0; at < pattern.length; at++) {
    switch (pattern.charAt(at)) {
      case '\\':
        at++;
        break;
      case '[':
        // What a class may hold is left to the engine.
        if (pattern.includes('|', at)) return true;
        return false;
      case '(':
        depth++;
        break;
      case ')':
        depth--;
        break;
      case '|':
        if (depth <= 0) return true;
        break;
    }
  }
  return false;
}
