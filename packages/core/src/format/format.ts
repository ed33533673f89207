import { coalesceOperators } from './coalesce.ts';
import { COMMANDS, isAbsentCommand } from './commands.ts';
import { FormatError, type Piece } from './piece.ts';
import type { Shown } from './shown.ts';

/** A text with commands in it, made ready. */
export type Format = (shown: Shown) => string;

/** Name, arguments in brackets, and the length to cut at. */
const COMMAND = /%([A-Z0-9_]+)(?:\((.*?)\))?(?::([0-9]+))?%/y;
/** Takes JSON, which may have brackets of its own. */
const COALESCE = /%(COALESCE)\((\{.*?\})\)(?::([0-9]+))?%/y;

/**
 * Compiles a substitution format string (`%REQ(X-ID)%`, `%START_TIME%` …).
 *
 * `absent` stands for what has no value: '' in header values, '-' in access logs. Throws a `FormatError` for what Envoy would
 * refuse. What an in-process mesh has no notion of (the caller's connection, say) has no value.
 */
export function compileFormat(text: string, absent: string): Format {
  const pieces = parse(text);
  const only = pieces[0];
  if (pieces.length === 1 && only !== undefined) {
    return typeof only === 'string' ? () => only : (shown) => only(shown) ?? absent;
  }
  return (shown) => {
    let out = '';
    for (const piece of pieces) out += typeof piece === 'string' ? piece : (piece(shown) ?? absent);
    return out;
  };
}

/**
 * As `compileFormat`, for JSON: a text that is one command and nothing else keeps the type of the command's value, and is null where it
 * has none.
 */
export function compileValue(text: string, absent: string): (shown: Shown) => unknown {
  const pieces = parse(text);
  const only = pieces[0];
  if (pieces.length !== 1 || only === undefined || typeof only === 'string') return compileFormat(text, absent);
  const isNumber = NUMBERS.test(text);
  return (shown) => {
    const value = only(shown);
    return isNumber && value !== null ? Number(value) : value;
  };
}

/** Commands whose values are numbers. */
const NUMBERS = /^%(?:RESPONSE_CODE|DURATION|UPSTREAM_REQUEST_ATTEMPT_COUNT|UPSTREAM_REMOTE_PORT|GRPC_STATUS_NUMBER)%$/;

/** True where the text is always the same. */
export function isPlain(text: string): boolean {
  return !text.includes('%');
}

function parse(text: string): (string | Piece)[] {
  const pieces: (string | Piece)[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    if (text[at] !== '%') {
      literal += text[at++];
      continue;
    }
    if (text[at + 1] === '%') {
      literal += '%';
      at += 2;
      continue;
    }
    const match = matchAt(COALESCE, text, at) ?? matchAt(COMMAND, text, at);
    if (match === null) {
      throw new FormatError(`Incorrect configuration: ${text}. Couldn't find valid command at position ${at}`);
    }
    if (literal !== '') pieces.push(literal);
    literal = '';
    pieces.push(command(match[1] as string, match[2], match[3]));
    at += match[0].length;
  }
  if (literal !== '' || pieces.length === 0) pieces.push(literal);
  return pieces;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function command(name: string, params: string | undefined, length: string | undefined): Piece {
  if (name === 'COALESCE') return cut(coalesce(params), length);
  const known = COMMANDS[name];
  if (known === undefined) {
    if (isAbsentCommand(name)) return () => null;
    throw new FormatError(`Not supported field in StreamInfo: ${name}`);
  }
  if (known.params === 'none' && params !== undefined) {
    throw new FormatError(`${name} does not take any parameters: ${params}`);
  }
  if (known.params === 'required' && (params ?? '') === '') throw new FormatError(`${name} requires parameters`);
  if (length === undefined) return known.compile(params ?? '');
  if (!known.length) throw new FormatError(`${name} does not allow length to be specified.`);
  return cut(known.compile(params ?? ''), length);
}

function cut(whole: Piece, length: string | undefined): Piece {
  if (length === undefined) return whole;
  const most = Number(length);
  return (shown) => whole(shown)?.slice(0, most) ?? null;
}

/** The first of its operators that has a value. */
function coalesce(params: string | undefined): Piece {
  const pieces = coalesceOperators(params ?? '').map((each) => command(each.name, each.params, each.length));
  return (shown) => {
    for (const piece of pieces) {
      const value = piece(shown);
      if (value !== null && value !== '') return value;
    }
    return null;
  };
}
