/**
 * A compiled pattern. All its questions take time in proportion to the text, whatever the pattern is. Texts are bytes, as headers and
 * paths are on the wire (latin1): a pattern counts bytes, as Envoy's RE2 does.
 */
export interface Regex {
  /** True where the pattern stands for the whole text, as Envoy asks everywhere. */
  matches(text: string): boolean;
  /** What the groups of a match of the whole text hold, the text itself first; null for no match. A group that took no part is ''. */
  groups(text: string): readonly string[] | null;
  /** Named groups and their numbers. */
  readonly names: Readonly<Record<string, number>>;
  /**
   * Replaces every match; in `substitution`, `\1` to `\9` stand for the groups, `\0` for the match and `\\` for a backslash. One that names a group
   * that the pattern does not have leaves texts as they are, as RE2's GlobalReplace does.
   */
  replacer(substitution: string): (text: string) => string;
}

/** The regular expressions of feeds (envoy.type.matcher.v3.RegexMatcher) have RE2's syntax and linear time, which JavaScript's have not. */
export interface RegexEngine {
  /** Throws a RegexError. */
  compile(pattern: string): Regex;
}

/** The pattern is none. */
export class RegexError extends Error {
  override readonly name: string = 'RegexError';
}

/** An engine for tests and for meshes whose feed has no patterns: it refuses all. */
export const noRegex: RegexEngine = {
  compile(pattern) {
    throw new RegexError(`no regex engine was given for the pattern ${pattern}`);
  },
};
