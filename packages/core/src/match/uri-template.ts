/** A template that is none, and why. */
export class UriTemplateError extends Error {
  override readonly name: string = 'UriTemplateError';
}

const MAX_VARIABLES = 5;
const MAX_NAME_LENGTH = 16;

/** What a path may hold between two slashes. (RFC 3986, pchar) */
const PCHAR = "a-zA-Z0-9\\-._~%!$&'()*+,;=:@";
const PATH_GLOB = `[${PCHAR}]+`;
const TEXT_GLOB = `[${PCHAR}/]*`;

/**
 * The pattern that a path as a whole must match, with a named group for each variable; throws a UriTemplateError.
 *
 * `*` stands for one segment, `**` for the rest or any part of it, `{name}` and `{name=pattern}` for what they match. A literal may stand
 * around a variable, and behind a glob at the end, as in `/**.m3u8`. A `*` inside a literal is left in the pattern as it is, as by
 * Envoy 1.40: there it repeats the letter before it. (envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig)
 */
export function uriTemplatePattern(template: string): string {
  if (!/^\/[!-~]*$/.test(template)) throw new UriTemplateError('it must begin with / and be of printable ASCII');
  return new Reader(template).read();
}

const literalSyntax = new RegExp(`^[${PCHAR}]+$`);

class Reader {
  readonly #template: string;
  readonly #names = new Set<string>();
  #at = 1;
  #textGlob = false;

  constructor(template: string) {
    this.#template = template;
  }

  read(): string {
    const template = this.#template;
    let pattern = '/';
    while (this.#at < template.length) {
      pattern += template.charAt(this.#at) === '*' ? this.#globAndSuffix() : this.#mixed();
      if (this.#at === template.length) break;
      pattern += '/';
      this.#at++;
    }
    return pattern;
  }

  /** What stands behind a glob must be the end. */
  #globAndSuffix(): string {
    const glob = this.#glob();
    if (this.#atEndOfSegment()) return glob;
    const suffix = this.#literal(this.#template.length);
    if (this.#at < this.#template.length) throw new UriTemplateError('a literal behind a glob must be the end');
    return glob + suffix;
  }

  /** A literal, or a variable with or without literals around it. */
  #mixed(): string {
    const brace = this.#template.indexOf('{', this.#at);
    const slash = this.#template.indexOf('/', this.#at);
    if (brace < 0 || (slash >= 0 && slash < brace)) return this.#literal(this.#template.length);
    const before = brace === this.#at ? '' : this.#literal(brace);
    const variable = this.#variable();
    return before + variable + (this.#atEndOfSegment() ? '' : this.#literal(this.#template.length));
  }

  #atEndOfSegment(): boolean {
    return this.#at === this.#template.length || this.#template.charAt(this.#at) === '/';
  }

  #glob(): string {
    if (this.#textGlob) throw new UriTemplateError('nothing that varies may follow **');
    const isText = this.#template.startsWith('**', this.#at);
    this.#at += isText ? 2 : 1;
    this.#textGlob = isText;
    return isText ? TEXT_GLOB : PATH_GLOB;
  }

  #literal(end: number): string {
    const slash = this.#template.indexOf('/', this.#at);
    const literal = this.#template.slice(this.#at, slash < 0 ? end : Math.min(slash, end));
    if (!literalSyntax.test(literal)) throw new UriTemplateError(`"${literal}" is no literal`);
    this.#at += literal.length;
    return literal.replace(/[$()+.]/g, '\\$&');
  }

  #variable(): string {
    const end = this.#template.indexOf('}', this.#at);
    if (end < 0) throw new UriTemplateError('a variable has no closing }');
    const name = /^[^=]*/.exec(this.#template.slice(this.#at + 1, end))?.[0] ?? '';
    this.#check(name);
    this.#at += name.length + 1;
    let pattern = '';
    if (this.#at === end) {
      if (this.#textGlob) throw new UriTemplateError('nothing that varies may follow **');
      pattern = PATH_GLOB;
    } else {
      do {
        this.#at++;
        pattern += `${pattern === '' ? '' : '/'}${this.#template.charAt(this.#at) === '*' ? this.#glob() : this.#literal(end)}`;
      } while (this.#at < end && this.#template.charAt(this.#at) === '/');
      if (this.#at !== end) throw new UriTemplateError(`the pattern of {${name}} goes on behind a glob`);
    }
    this.#at = end + 1;
    return `(?P<${name}>${pattern})`;
  }

  #check(name: string): void {
    if (!/^[a-zA-Z][a-zA-Z0-9_]*$/.test(name)) throw new UriTemplateError(`"${name}" is no name of a variable`);
    if (name.length > MAX_NAME_LENGTH) throw new UriTemplateError(`the name ${name} is longer than ${MAX_NAME_LENGTH}`);
    if (this.#names.has(name)) throw new UriTemplateError(`variable ${name} is there twice`);
    if (this.#names.size === MAX_VARIABLES) throw new UriTemplateError(`it has more than ${MAX_VARIABLES} variables`);
    this.#names.add(name);
  }
}
