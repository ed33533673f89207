import type { DescEnum } from '@bufbuild/protobuf';
import type { Any, Duration, Timestamp } from '@bufbuild/protobuf/wkt';
import type {
  AnyRules,
  BytesRules,
  DurationRules,
  EnumRules,
  FieldRules,
  StringRules,
  TimestampRules,
} from '@inmesh/api/gen/validate/validate_pb';
import { knownRegexCheck, wellKnownStringCheck } from './well-known.ts';

/** Null where the value is fine, else what is wrong with it. */
export type Check = (value: unknown) => string | null;

type Case = Exclude<FieldRules['type']['case'], undefined>;
type NumericRules = Extract<FieldRules['type'], { case: 'uint32' | 'uint64' | 'int32' | 'int64' | 'double' }>['value'];

const NUMERIC: ReadonlySet<Case> = new Set<Case>([
  'float',
  'double',
  'int32',
  'int64',
  'uint32',
  'uint64',
  'sint32',
  'sint64',
  'fixed32',
  'fixed64',
  'sfixed32',
  'sfixed64',
]);

/** The checks of one value, from its rules; rules of lists and maps are for their caller, because they hold further values. */
export function valueChecks(rules: FieldRules, enumType: DescEnum | undefined): Check[] {
  const type = rules.type;
  if (type.case === undefined) return [];
  if (NUMERIC.has(type.case)) return numberChecks(type.value as NumericRules);
  switch (type.case) {
    case 'bool':
      return type.value.const === undefined || !Object.hasOwn(type.value, 'const')
        ? []
        : [constCheck(type.value.const)];
    case 'string':
      return stringChecks(type.value);
    case 'bytes':
      return bytesChecks(type.value);
    case 'enum':
      return enumChecks(type.value, enumType);
    case 'any':
      return anyChecks(type.value);
    case 'duration':
      return durationChecks(type.value);
    case 'timestamp':
      return timestampChecks(type.value);
    default:
      return [];
  }
}

function numberChecks(rules: NumericRules): Check[] {
  const given = <K extends keyof NumericRules>(name: K): NumericRules[K] | undefined =>
    Object.hasOwn(rules, name) ? rules[name] : undefined;
  const checks = rangeChecks<number | bigint>(
    { gt: given('gt'), gte: given('gte'), lt: given('lt'), lte: given('lte') },
    (value) => value as number | bigint,
    String,
  );
  const exact = given('const');
  if (exact !== undefined) checks.push(constCheck(exact));
  checks.push(...listChecks<number | bigint>(rules.in, rules.notIn, (value) => value as number | bigint));
  return given('ignoreEmpty') === true
    ? checks.map((check) => unlessEmpty(check, (value) => Number(value) === 0))
    : checks;
}

function durationChecks(rules: DurationRules): Check[] {
  const bound = (duration: Duration | undefined): bigint | undefined => duration && nanoseconds(duration);
  return [
    ...rangeChecks<bigint>(
      { gt: bound(rules.gt), gte: bound(rules.gte), lt: bound(rules.lt), lte: bound(rules.lte) },
      (value) => nanoseconds(value as Duration),
      durationText,
    ),
    ...(rules.const === undefined
      ? []
      : [constCheck(nanoseconds(rules.const), (value) => nanoseconds(value as Duration))]),
    ...listChecks<bigint>(rules.in.map(nanoseconds), rules.notIn.map(nanoseconds), (value) =>
      nanoseconds(value as Duration),
    ),
  ];
}

/** `lt_now`, `gt_now` and `within` need a clock; no message of the Envoy API has them. */
function timestampChecks(rules: TimestampRules): Check[] {
  const bound = (time: Timestamp | undefined): bigint | undefined => time && nanoseconds(time);
  return rangeChecks<bigint>(
    { gt: bound(rules.gt), gte: bound(rules.gte), lt: bound(rules.lt), lte: bound(rules.lte) },
    (value) => nanoseconds(value as Timestamp),
    durationText,
  );
}

interface Bounds<T> {
  readonly gt: T | undefined;
  readonly gte: T | undefined;
  readonly lt: T | undefined;
  readonly lte: T | undefined;
}

/** A lower bound above the upper one means the outside of the range, as protoc-gen-validate defines it. */
function rangeChecks<T extends number | bigint>(
  { gt, gte, lt, lte }: Bounds<T>,
  read: (value: unknown) => T,
  show: (bound: T) => string,
): Check[] {
  const lower = gt ?? gte;
  const upper = lt ?? lte;
  const aboveLower = (value: T): boolean => (gt !== undefined ? value > gt : gte === undefined || value >= gte);
  const belowUpper = (value: T): boolean => (lt !== undefined ? value < lt : lte === undefined || value <= lte);
  const lowerText =
    gt !== undefined ? `greater than ${show(gt)}` : gte !== undefined ? `greater than or equal to ${show(gte)}` : '';
  const upperText =
    lt !== undefined ? `less than ${show(lt)}` : lte !== undefined ? `less than or equal to ${show(lte)}` : '';
  if (lower === undefined && upper === undefined) return [];
  if (lower !== undefined && upper !== undefined && lower > upper) {
    return [
      (value) =>
        aboveLower(read(value)) || belowUpper(read(value)) ? null : `value must be ${upperText} or ${lowerText}`,
    ];
  }
  const text = `value must be ${[lowerText, upperText].filter((each) => each !== '').join(' and ')}`;
  return [(value) => (aboveLower(read(value)) && belowUpper(read(value)) ? null : text)];
}

function stringChecks(rules: StringRules): Check[] {
  const checks: Check[] = [];
  const given = (name: keyof StringRules): boolean => Object.hasOwn(rules, name);
  const on = (test: (text: string) => boolean, problem: string): void => {
    checks.push((value) => (test(value as string) ? null : problem));
  };
  if (given('const')) checks.push(constCheck(rules.const));
  if (given('len'))
    on((text) => codePoints(text) === Number(rules.len), `value length must be ${rules.len} characters`);
  if (given('minLen')) {
    on((text) => codePoints(text) >= Number(rules.minLen), `value length must be at least ${rules.minLen} characters`);
  }
  if (given('maxLen')) {
    on((text) => codePoints(text) <= Number(rules.maxLen), `value length must be at most ${rules.maxLen} characters`);
  }
  if (given('lenBytes'))
    on((text) => utf8Length(text) === Number(rules.lenBytes), `value length must be ${rules.lenBytes} bytes`);
  if (given('minBytes')) {
    on((text) => utf8Length(text) >= Number(rules.minBytes), `value length must be at least ${rules.minBytes} bytes`);
  }
  if (given('maxBytes')) {
    on((text) => utf8Length(text) <= Number(rules.maxBytes), `value length must be at most ${rules.maxBytes} bytes`);
  }
  if (given('pattern')) {
    const pattern = compilePattern(rules.pattern);
    on((text) => pattern.test(text), `value does not match regex pattern ${JSON.stringify(rules.pattern)}`);
  }
  if (given('prefix'))
    on((text) => text.startsWith(rules.prefix), `value does not have prefix ${JSON.stringify(rules.prefix)}`);
  if (given('suffix'))
    on((text) => text.endsWith(rules.suffix), `value does not have suffix ${JSON.stringify(rules.suffix)}`);
  if (given('contains'))
    on((text) => text.includes(rules.contains), `value does not contain ${JSON.stringify(rules.contains)}`);
  if (given('notContains')) {
    on((text) => !text.includes(rules.notContains), `value contains ${JSON.stringify(rules.notContains)}`);
  }
  checks.push(...listChecks(rules.in, rules.notIn, (value) => value as string));
  const { case: known, value } = rules.wellKnown;
  if (known === 'wellKnownRegex') checks.push(...knownRegexCheck(value, rules.strict));
  else if (known !== undefined && value) checks.push(wellKnownStringCheck(known));
  return given('ignoreEmpty') && rules.ignoreEmpty
    ? checks.map((check) => unlessEmpty(check, (text) => text === ''))
    : checks;
}

function bytesChecks(rules: BytesRules): Check[] {
  const checks: Check[] = [];
  const given = (name: keyof BytesRules): boolean => Object.hasOwn(rules, name);
  const on = (test: (bytes: Uint8Array) => boolean, problem: string): void => {
    checks.push((value) => (test(value as Uint8Array) ? null : problem));
  };
  if (given('len')) on((bytes) => bytes.length === Number(rules.len), `value length must be ${rules.len} bytes`);
  if (given('minLen'))
    on((bytes) => bytes.length >= Number(rules.minLen), `value length must be at least ${rules.minLen} bytes`);
  if (given('maxLen'))
    on((bytes) => bytes.length <= Number(rules.maxLen), `value length must be at most ${rules.maxLen} bytes`);
  if (given('prefix'))
    on((bytes) => sameBytes(bytes.subarray(0, rules.prefix.length), rules.prefix), 'value lacks its prefix');
  if (given('const')) on((bytes) => sameBytes(bytes, rules.const), 'value is not the only one allowed');
  return given('ignoreEmpty') && rules.ignoreEmpty
    ? checks.map((check) => unlessEmpty(check, (value) => (value as Uint8Array).length === 0))
    : checks;
}

function enumChecks(rules: EnumRules, type: DescEnum | undefined): Check[] {
  const checks: Check[] = [];
  if (Object.hasOwn(rules, 'const')) checks.push(constCheck(rules.const));
  if (rules.definedOnly && type !== undefined) {
    const numbers = new Set(type.values.map((value) => value.number));
    checks.push((value) => (numbers.has(value as number) ? null : 'value must be one of the defined enum values'));
  }
  checks.push(...listChecks(rules.in, rules.notIn, (value) => value as number));
  return checks;
}

function anyChecks(rules: AnyRules): Check[] {
  return listChecks(rules.in, rules.notIn, (value) => (value as Any).typeUrl).map(
    (check): Check =>
      (value) => {
        const problem = check(value);
        return problem === null ? null : problem.replace('value', 'type URL');
      },
  );
}

function listChecks<T>(allowed: readonly T[], denied: readonly T[], read: (value: unknown) => T): Check[] {
  const checks: Check[] = [];
  if (allowed.length > 0) {
    checks.push((value) => (allowed.includes(read(value)) ? null : `value must be in list [${allowed.join(' ')}]`));
  }
  if (denied.length > 0) {
    checks.push((value) => (denied.includes(read(value)) ? `value must not be in list [${denied.join(' ')}]` : null));
  }
  return checks;
}

function constCheck(expected: unknown, read: (value: unknown) => unknown = (value) => value): Check {
  return (value) => (read(value) === expected ? null : `value must equal ${String(expected)}`);
}

function unlessEmpty(check: Check, isEmpty: (value: unknown) => boolean): Check {
  return (value) => (isEmpty(value) ? null : check(value));
}

/** The patterns are RE2's; those of the Envoy API mean the same in JavaScript. */
function compilePattern(pattern: string): RegExp {
  return new RegExp(pattern, 'u');
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}

function nanoseconds(value: { readonly seconds: bigint; readonly nanos: number }): bigint {
  return value.seconds * 1_000_000_000n + BigInt(value.nanos);
}

function durationText(nanos: bigint): string {
  return `${Number(nanos) / 1e9}s`;
}
