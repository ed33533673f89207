import type { FractionalPercent, RuntimeValue } from '../model/runtime.ts';

/** Thrown for a value that no runtime can hold: a list, or null. */
export class RuntimeValueError extends Error {
  override readonly name: string = 'RuntimeValueError';

  constructor(key: string) {
    super(`Invalid runtime entry value for ${key}`);
  }
}

/**
 * Flattens a layer: nested objects become dotted keys, but for `{ numerator, denominator }`, which is a share, and the empty
 * object, which is a value of no kind. Throws RuntimeValueError.
 */
export function flattenRuntime(layer: { readonly [key: string]: unknown }): Map<string, RuntimeValue> {
  const values = new Map<string, RuntimeValue>();
  for (const [key, value] of Object.entries(layer)) flatten(key, value, values);
  return values;
}

function flatten(key: string, value: unknown, into: Map<string, RuntimeValue>): void {
  if (typeof value !== 'object') {
    into.set(key, runtimeValue(value));
    return;
  }
  if (value === null || Array.isArray(value)) throw new RuntimeValueError(key);
  const fields = Object.entries(value);
  if (fields.length === 0 || 'numerator' in value || 'denominator' in value) {
    into.set(key, { ...nothing, text: JSON.stringify(value), percent: percentOf(fields) });
    return;
  }
  for (const [name, each] of fields) flatten(`${key}.${name}`, each, into);
}

const nothing: RuntimeValue = { text: '', number: null, integer: null, boolean: null, percent: null };

/** Reads a number, boolean or text. Text is read as whatever it looks like, as Envoy does with files and with the admin's words. */
export function runtimeValue(value: unknown): RuntimeValue {
  if (typeof value === 'number') return numeric(`${value}`, value);
  if (typeof value === 'boolean') return { ...nothing, text: `${value}`, boolean: value };
  const text = String(value);
  const trimmed = text.trim();
  if (trimmed !== '' && Number.isFinite(Number(trimmed))) return numeric(text, Number(trimmed));
  const lower = trimmed.toLowerCase();
  if (lower === 'true' || lower === 'false') return { ...nothing, text, boolean: lower === 'true' };
  return { ...nothing, text, percent: percentIn(trimmed) };
}

/** Whole numbers are booleans too. */
function numeric(text: string, number: number): RuntimeValue {
  const boolean = Number.isInteger(number) && Math.abs(number) < 2 ** 31 - 1 ? number !== 0 : null;
  return { text, number, integer: number >= 0 ? Math.floor(number) : null, boolean, percent: null };
}

const denominators: ReadonlyMap<unknown, FractionalPercent['denominator']> = new Map([
  ['HUNDRED', 100],
  ['TEN_THOUSAND', 10_000],
  ['MILLION', 1_000_000],
]);

/** Null where a field is none of a share's: then it is a value of no kind. */
function percentOf(fields: readonly (readonly [string, unknown])[]): FractionalPercent | null {
  let numerator = 0;
  let denominator: FractionalPercent['denominator'] = 100;
  if (fields.length === 0) return { numerator, denominator };
  for (const [name, value] of fields) {
    if (name === 'numerator') {
      if (typeof value === 'number') numerator = Math.max(0, Math.floor(value));
    } else {
      const known = name === 'denominator' ? denominators.get(value) : undefined;
      if (known === undefined) return null;
      denominator = known;
    }
  }
  return { numerator, denominator };
}

/** A share written as text, `{"numerator": 5, "denominator": "MILLION"}` or `numerator: 5`. */
function percentIn(text: string): FractionalPercent | null {
  const numerator = /numerator[^\d]+(\d+)/.exec(text)?.[1];
  if (numerator === undefined) return null;
  const name = /TEN_THOUSAND|MILLION/.exec(text)?.[0] ?? 'HUNDRED';
  return { numerator: Number(numerator), denominator: denominators.get(name) ?? 100 };
}
