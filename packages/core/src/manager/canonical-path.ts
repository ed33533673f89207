/** Kept as they are, also where they come escaped. */
const KEPT = "!$&'()*+,/:;=@[]%";
const HEX = '0123456789ABCDEF';

/**
 * A path in the form that browsers give it, and Envoy with them: dot segments resolved, `\` a slash, letters and digits unescaped, what
 * does not belong in a path escaped. Null for a path with an escaped NUL. (envoy: PathUtil::canonicalPath)
 */
export function canonicalPath(path: string): string | null {
  let out = path.startsWith('/') || path.startsWith('\\') ? '' : '/';
  let brokenEscape = -1;
  for (let i = 0; i < path.length; i++) {
    const dot = dotAt(path, i);
    if (dot > 0) {
      if (out.endsWith('/')) {
        const segment = dotSegment(path, i + dot);
        if (segment.kind === 'up') out = parentOf(out);
        if (segment.kind === 'name') out += '.';
        i += dot + segment.length - 1;
      } else {
        out += '.';
        i += dot - 1;
      }
      continue;
    }
    const char = path[i] as string;
    if (char === '\\') out += '/';
    else if (char !== '%') out += isPlainChar(char) ? char : escaped(path.charCodeAt(i));
    else {
      const code = escapeAt(path, i);
      if (code < 0) {
        brokenEscape = out.length;
        out += '%';
        continue;
      }
      if (code === 0) return null;
      i += 2;
      if (!isUnreserved(code)) {
        out += path.slice(i - 2, i + 1);
        continue;
      }
      out += String.fromCharCode(code);
      out = withoutNestedEscape(out, brokenEscape, path[i + 1]);
    }
  }
  return out === '' ? '/' : out;
}

/** 1 for `.`, 3 for `%2e`, 0 for neither. */
function dotAt(path: string, at: number): number {
  const char = path[at];
  if (char === '.') return 1;
  return char === '%' && path[at + 1] === '2' && (path[at + 2] === 'e' || path[at + 2] === 'E') ? 3 : 0;
}

/** What the dot before `at` begins, and how much of the path belongs to it beyond the dot. */
function dotSegment(path: string, at: number): { kind: 'same' | 'up' | 'name'; length: number } {
  if (at === path.length) return { kind: 'same', length: 0 };
  if (isSlash(path[at])) return { kind: 'same', length: 1 };
  const second = dotAt(path, at);
  if (second > 0) {
    if (at + second === path.length) return { kind: 'up', length: second };
    if (isSlash(path[at + second])) return { kind: 'up', length: second + 1 };
  }
  return { kind: 'name', length: 0 };
}

/** `out` ends with a slash; the first slash stays. */
function parentOf(out: string): string {
  return out.length <= 1 ? out : out.slice(0, out.lastIndexOf('/', out.length - 2) + 1) || '/';
}

/**
 * What was just unescaped may have become a part of an escape with an earlier `%` that began none: that `%` is escaped then, so that
 * nobody unescapes twice.
 */
function withoutNestedEscape(out: string, brokenEscape: number, next: string | undefined): string {
  const behind = out.length - 1 - brokenEscape;
  if (brokenEscape < 0 || behind > 2) return out;
  const text = behind === 1 ? out + (next ?? '') : out;
  if (escapeAt(text, brokenEscape) < 0) return out;
  return `${out.slice(0, brokenEscape)}%25${out.slice(brokenEscape + 1)}`;
}

/** The code of the escape at a `%`; -1 where it is none. */
function escapeAt(path: string, at: number): number {
  const high = hexValue(path.charCodeAt(at + 1));
  const low = hexValue(path.charCodeAt(at + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** -1 for what is no hexadecimal digit, and for the end of the text. */
function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

function isSlash(char: string | undefined): boolean {
  return char === '/' || char === '\\';
}

/** `-`, `_`, `~`, letters and digits; the dot is looked at before. */
function isUnreserved(code: number): boolean {
  if (code >= 48 && code <= 57) return true;
  const lower = code | 32;
  return (lower >= 97 && lower <= 122) || code === 45 || code === 95 || code === 126;
}

function isPlainChar(char: string): boolean {
  return isUnreserved(char.charCodeAt(0)) || KEPT.includes(char);
}

function escaped(code: number): string {
  return `%${HEX[(code >> 4) & 15]}${HEX[code & 15]}`;
}
