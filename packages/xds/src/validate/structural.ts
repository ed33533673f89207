import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { validateRulesOf } from '@inmesh/api';
import type { FieldRules } from '@inmesh/api/gen/validate/validate_pb';
import { type Check, valueChecks } from './field-checks.ts';

/** One rule that a message breaks. */
export interface Violation {
  /** Way to the field in proto names: `endpoints[0].lb_endpoints[2].load_balancing_weight`. */
  readonly field: string;
  /** `value must be greater than or equal to 1`, as protoc-gen-validate words it. */
  readonly problem: string;
}

/** Finds the first rule that a message breaks; null where it keeps all. An embedded `Any` is not opened: its decoder does that. */
export type StructuralValidator = (schema: DescMessage, message: Message) => Violation | null;

type FieldCheck = (message: Fields) => Violation | null;
type Fields = { readonly [localName: string]: unknown };

export interface StructuralOptions {
  /**
   * What is not there (a message, a member of a oneof, a text or list without content): `allowed` leaves out the rules that
   * ask for it, and keeps those on values. Default `refused`, as Envoy does.
   */
  readonly absence?: 'refused' | 'allowed';
  /** Full names of fields whose rules do not apply. Default: none. */
  readonly exempt?: ReadonlySet<string>;
}

/**
 * The rules that the API's authors wrote as `validate.rules` (protoc-gen-validate), checked by reflection. Each message type is
 * compiled on first use, so keep the validator for as long as there are messages.
 */
export function structuralValidator({ absence = 'refused', exempt }: StructuralOptions = {}): StructuralValidator {
  const lenient = absence === 'allowed';
  const compiled = new Map<string, readonly FieldCheck[]>();
  const ruled = new Map<string, boolean>();

  const checksOf = (schema: DescMessage): readonly FieldCheck[] => {
    const known = compiled.get(schema.typeName);
    if (known !== undefined) return known;
    // Known before its fields are compiled, because messages contain themselves.
    const checks: FieldCheck[] = [];
    compiled.set(schema.typeName, checks);
    const { disabled, ignored } = validateRulesOf(schema);
    if (disabled || ignored) return checks;
    for (const oneof of schema.oneofs) {
      if (lenient || !validateRulesOf(oneof).required) continue;
      checks.push((message) =>
        (message[oneof.localName] as { case?: string }).case === undefined
          ? { field: oneof.name, problem: 'value is required' }
          : null,
      );
    }
    for (const field of schema.fields) {
      const check = compileField(field);
      if (check !== null) checks.push(check);
    }
    return checks;
  };

  const check: StructuralValidator = (schema, message) => {
    for (const each of checksOf(schema)) {
      const violation = each(message as unknown as Fields);
      if (violation !== null) return violation;
    }
    return null;
  };

  const compileField = (field: DescField): FieldCheck | null => {
    if (exempt?.has(`${field.parent.typeName}.${field.name}`) === true) return null;
    const rules = validateRulesOf(field);
    const read = reader(field);
    if (field.fieldKind === 'list') return compileList(field, rules, read);
    if (field.fieldKind === 'map') return compileMap(field, rules, read);
    const required = !lenient && field.oneof === undefined && isRequired(rules);
    const inner = compileValue(rules, field, field.fieldKind === 'message' ? field.message : undefined);
    if (!required && inner === null) return null;
    return (message) => {
      const value = read(message);
      if (value === undefined) return required ? { field: field.name, problem: 'value is required' } : null;
      return inner === null ? null : at(field.name, inner(value));
    };
  };

  const compileList = (
    field: DescField & { fieldKind: 'list' },
    rules: FieldRules | undefined,
    read: (message: Fields) => unknown,
  ): FieldCheck | null => {
    const own = rules?.type.case === 'repeated' ? rules.type.value : undefined;
    const inner = compileValue(own?.items, field, field.listKind === 'message' ? field.message : undefined);
    if (own === undefined && inner === null) return null;
    const least = own && Object.hasOwn(own, 'minItems') ? Number(own.minItems) : 0;
    const most = own && Object.hasOwn(own, 'maxItems') ? Number(own.maxItems) : Number.POSITIVE_INFINITY;
    return (message) => {
      const items = read(message) as readonly unknown[];
      if ((lenient || own?.ignoreEmpty === true) && items.length === 0) return null;
      if (items.length < least) return { field: field.name, problem: `value must contain at least ${least} item(s)` };
      if (items.length > most) return { field: field.name, problem: `value must contain no more than ${most} item(s)` };
      if (own?.unique === true && new Set(items).size < items.length) {
        return { field: field.name, problem: 'repeated value must contain unique items' };
      }
      if (inner === null) return null;
      for (let index = 0; index < items.length; index++) {
        const violation = inner(items[index]);
        if (violation !== null) return at(`${field.name}[${index}]`, violation);
      }
      return null;
    };
  };

  const compileMap = (
    field: DescField & { fieldKind: 'map' },
    rules: FieldRules | undefined,
    read: (message: Fields) => unknown,
  ): FieldCheck | null => {
    const own = rules?.type.case === 'map' ? rules.type.value : undefined;
    const keys = own?.keys === undefined ? [] : valueChecks(own.keys, undefined);
    const inner = compileValue(own?.values, field, field.mapKind === 'message' ? field.message : undefined);
    if (own === undefined && inner === null) return null;
    const least = own && Object.hasOwn(own, 'minPairs') ? Number(own.minPairs) : 0;
    const most = own && Object.hasOwn(own, 'maxPairs') ? Number(own.maxPairs) : Number.POSITIVE_INFINITY;
    return (message) => {
      const entries = Object.entries(read(message) as { readonly [key: string]: unknown });
      if ((lenient || own?.ignoreEmpty === true) && entries.length === 0) return null;
      if (entries.length < least) return { field: field.name, problem: `value must contain at least ${least} pair(s)` };
      if (entries.length > most)
        return { field: field.name, problem: `value must contain no more than ${most} pair(s)` };
      for (const [key, value] of entries) {
        const place = `${field.name}["${key}"]`;
        const problem = firstProblem(keys, key);
        if (problem !== null) return { field: place, problem: `key: ${problem}` };
        const violation = inner === null ? null : inner(value);
        if (violation !== null) return at(place, violation);
      }
      return null;
    };
  };

  /** The rules of one value and, for a message, of what is in it; null where there is nothing to check. */
  const compileValue = (
    rules: FieldRules | undefined,
    field: DescField,
    nested: DescMessage | undefined,
  ): ((value: unknown) => Violation | null) | null => {
    const checks = rules === undefined ? [] : valueChecks(rules, field.enum ?? undefined);
    const skipped = rules?.message?.skip === true;
    const inside = nested !== undefined && !skipped && hasRules(nested) ? nested : null;
    if (inside === null && checks.length === 0) return null;
    return (value) => {
      if (lenient && value === '') return null;
      const problem = firstProblem(checks, value);
      if (problem !== null) return { field: '', problem };
      return inside === null ? null : check(inside, value as Message);
    };
  };

  /** Whether a message, or any that it can contain, has rules: most of the walk can be left out. */
  const hasRules = (schema: DescMessage): boolean => {
    const known = ruled.get(schema.typeName);
    if (known !== undefined) return known;
    const found = reaches(schema, new Set());
    ruled.set(schema.typeName, found);
    return found;
  };

  return check;
}

function reaches(schema: DescMessage, seen: Set<string>): boolean {
  if (schema.typeName.startsWith('google.protobuf.') || seen.has(schema.typeName)) return false;
  seen.add(schema.typeName);
  if (schema.oneofs.some((oneof) => validateRulesOf(oneof).required)) return true;
  if (schema.fields.some((field) => validateRulesOf(field) !== undefined)) return true;
  return schema.fields.some((field) => field.message !== undefined && reaches(field.message, seen));
}

function isRequired(rules: FieldRules | undefined): boolean {
  if (rules === undefined) return false;
  if (rules.message?.required === true) return true;
  const { case: kind, value } = rules.type;
  return (kind === 'any' || kind === 'duration' || kind === 'timestamp') && value.required;
}

/** Undefined where the field is not set; scalars without presence always have a value. */
function reader(field: DescField): (message: Fields) => unknown {
  const name = field.localName;
  const oneof = field.oneof?.localName;
  if (oneof === undefined) return (message) => message[name];
  return (message) => {
    const member = message[oneof] as { readonly case?: string; readonly value?: unknown };
    return member.case === name ? member.value : undefined;
  };
}

function firstProblem(checks: readonly Check[], value: unknown): string | null {
  for (const check of checks) {
    const problem = check(value);
    if (problem !== null) return problem;
  }
  return null;
}

function at(place: string, violation: Violation | null): Violation | null {
  if (violation === null) return null;
  return { field: violation.field === '' ? place : `${place}.${violation.field}`, problem: violation.problem };
}
