import { type Regex, type RegexEngine, RegexError } from '@inmesh/core';
import { RE2JS } from 're2js';

/** Patterns kept compiled: a route table is made again whenever a cluster of it comes or goes, and validation compiles them once before. */
const MAX_KEPT = 4096;

/**
 * RE2 as a library of plain JavaScript (re2js): Envoy's syntax and linear time. It is made to count bytes, as Envoy's does: a letter outside
 * of ASCII is two or more of them. Programs may be larger than the 100 steps that Envoy's own default allows
 * (`re2.max_program_size.error_level`), because control planes raise that in the bootstraps that they write. One per mesh.
 */
export function re2(): RegexEngine {
  const kept = new Map<string, Regex>();
  return {
    compile(pattern) {
      const known = kept.get(pattern);
      if (known !== undefined) return known;
      const regex = new Re2Regex(pattern);
      if (kept.size >= MAX_KEPT) kept.clear();
      kept.set(pattern, regex);
      return regex;
    },
  };
}

class Re2Regex implements Regex {
  readonly #re2: RE2JS;

  constructor(pattern: string) {
    const tooWide = /\\x\{0*([0-9a-fA-F]{3,})\}/.exec(pattern);
    if (tooWide !== null) throw new RegexError(`invalid escape sequence: ${tooWide[0]} is no byte`);
    try {
      this.#re2 = RE2JS.compile(Buffer.from(pattern, 'utf8').toString('latin1'));
    } catch (cause) {
      throw new RegexError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
  }

  get names(): Readonly<Record<string, number>> {
    return this.#re2.namedGroups();
  }

  matches(text: string): boolean {
    return this.#re2.testExact(text);
  }

  groups(text: string): readonly string[] | null {
    const matcher = this.#re2.matcher(text);
    if (!matcher.matches()) return null;
    return Array.from({ length: this.#re2.groupCount() + 1 }, (_, group) => matcher.group(group) ?? '');
  }

  replacer(substitution: string): (text: string) => string {
    const parts = readSubstitution(Buffer.from(substitution, 'utf8').toString('latin1'));
    const highest = Math.max(0, ...parts.filter((part) => typeof part === 'number'));
    if (highest > this.#re2.groupCount()) return (text) => text;
    return (text) => this.#replaceAll(text, parts);
  }

  /** As RE2's GlobalReplace: an empty match right behind a match does not count. */
  #replaceAll(text: string, parts: readonly (string | number)[]): string {
    const matcher = this.#re2.matcher(text);
    let out = '';
    let at = 0;
    let lastEnd = -1;
    while (at <= text.length && matcher.find(at)) {
      const start = matcher.start();
      const end = matcher.end();
      out += text.slice(at, start);
      if (start === end && start === lastEnd) {
        out += text.charAt(start);
        at = start + 1;
        continue;
      }
      for (const part of parts) out += typeof part === 'string' ? part : (matcher.group(part) ?? '');
      at = end;
      lastEnd = end;
    }
    return out + text.slice(at);
  }
}

/** Literal text, and numbers of groups. What stands behind an escape that there is none of is left out, as by RE2's Rewrite. */
function readSubstitution(substitution: string): (string | number)[] {
  const parts: (string | number)[] = [];
  let literal = '';
  for (let i = 0; i < substitution.length; i++) {
    const char = substitution.charAt(i);
    if (char !== '\\') {
      literal += char;
      continue;
    }
    const escaped = substitution.charAt(++i);
    if (escaped === '\\') literal += '\\';
    else if (/^\d$/.test(escaped)) {
      parts.push(literal, Number(escaped));
      literal = '';
    } else break;
  }
  parts.push(literal);
  return parts;
}
