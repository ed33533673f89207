import { FormatError } from './piece.ts';

/** One entry of `operators`. */
interface Operator {
  readonly name: string;
  readonly params: string | undefined;
  readonly length: string | undefined;
}

/** Reads what `COALESCE` takes: `{"operators": [{"command": "REQ", "param": ":authority"}, "PROTOCOL"]}`. Throws a `FormatError`. */
export function coalesceOperators(json: string): Operator[] {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new FormatError(`COALESCE: failed to parse JSON configuration: ${json}`);
  }
  const operators = (value as { readonly operators?: unknown } | null)?.operators;
  if (!Array.isArray(operators) || operators.length === 0) {
    throw new FormatError("COALESCE: 'operators' must be a list that is not empty");
  }
  return operators.map(operator);
}

function operator(entry: unknown): Operator {
  if (typeof entry === 'string') return { name: entry, params: undefined, length: undefined };
  const { command, param, max_length } = (entry ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof command !== 'string') throw new FormatError("COALESCE: an operator needs 'command'");
  if (command === 'COALESCE') throw new FormatError('COALESCE: cannot be nested');
  return {
    name: command,
    params: typeof param === 'string' ? param : undefined,
    length: typeof max_length === 'number' ? `${max_length}` : undefined,
  };
}
