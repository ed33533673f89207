import { fromBinary, isFieldSet, type Message } from '@bufbuild/protobuf';
import type { GenMessage } from '@bufbuild/protobuf/codegenv2';
import type { Any, Duration } from '@bufbuild/protobuf/wkt';
import { messageType, registry, typeNameOf } from '@inmesh/api';
import type { RegexEngine, Secret } from '@inmesh/core';
import type { StructuralValidator } from '../validate/index.ts';
import type { FilterTable } from './filters/row.ts';

/** Whose refusals apply, because Envoy and gRPC differ in what they refuse: Envoy's, or those of the gRFCs. */
export type DecodeProfile = 'envoy' | 'grpc';

/** What every decoder is handed: no decoder keeps state of its own. */
export interface Decoding {
  readonly validate: StructuralValidator;
  readonly regex: RegexEngine;
  readonly filters: FilterTable;
  readonly surroundings: Surroundings;
  readonly profile: DecodeProfile;
  /** Instances of certificate providers that a feed may name (gRFC A29); null where they are not known, and not checked. */
  readonly certificateProviders: ReadonlySet<string> | null;
  /** Throws for a secret of no use; its message must show nothing of a key. */
  readonly judgeSecret: (secret: Secret, regex: RegexEngine) => void;
}

/** What resources may refer to on the machine that they are for. */
export interface Surroundings {
  /** Throws where it cannot be read. */
  readonly readFile: (path: string) => Uint8Array;
  readonly environment: (name: string) => string | undefined;
}

/** A resource is refused: which field, and why. Whoever called the decoder adds the resource's name. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  /** In proto names, from the root of the resource; empty for the whole. */
  readonly field: string;
  readonly problem: string;

  constructor(field: string, problem: string, options?: ErrorOptions) {
    super(field === '' ? problem : `${field}: ${problem}`, options);
    this.field = field;
    this.problem = problem;
  }
}

/** Checks that a pattern is one of RE2's, as Envoy does before it takes a resource on. */
export function requireRegex({ regex }: Decoding, pattern: string, field: string): string {
  try {
    regex.compile(pattern);
  } catch (cause) {
    throw new Refusal(field, cause instanceof Error ? cause.message : String(cause), { cause });
  }
  return pattern;
}

/** Checks the `validate.rules` of a message; `field` is where it stands in the resource. */
export function requireValid<T extends Message>(
  decoding: Decoding,
  schema: GenMessage<T>,
  message: T,
  field = '',
): void {
  const violation = decoding.validate(schema, message);
  if (violation === null) return;
  const place = field === '' ? violation.field : `${field}.${violation.field}`;
  throw new Refusal(place, violation.problem);
}

/** Opens an embedded `Any` of a known type and checks its rules. */
export function unpack<T extends Message>(decoding: Decoding, any: Any, typeName: T['$typeName'], field: string): T {
  const message = unpackUnchecked<T>(any, typeName, field);
  requireValid(decoding, messageType<T>(typeName), message, field);
  return message;
}

/** Opens an embedded `Any` of a known type; its rules are the caller's to check. */
export function unpackUnchecked<T extends Message>(any: Any, typeName: T['$typeName'], field: string): T {
  try {
    return fromBinary(messageType<T>(typeName), any.value);
  } catch (cause) {
    throw new Refusal(field, `is no ${typeName}`, { cause });
  }
}

/** True where an `Any` holds a message of this type. */
export function holds(any: Any | undefined, typeName: string): any is Any {
  return any !== undefined && typeNameOf(any.typeUrl) === typeName;
}

/**
 * Names of the fields that are set and not among the known ones: what a decoder neither honours nor may leave out. Asking the
 * descriptor instead of listing what is unsupported keeps a field that the API gains later from being ignored.
 */
export function otherFields(message: Message, known: ReadonlySet<string>): string[] {
  const schema = messageType(message.$typeName);
  return schema.fields
    .filter((field) => !known.has(field.name) && isFieldSet(message, field))
    .map((field) => field.name);
}

/** The proto name of an enum's value; its number as text where the API has no such value. */
export function enumName(typeName: string, number: number): string {
  return registry().getEnum(typeName)?.value[number]?.name ?? String(number);
}

/** Milliseconds; fractions are kept. */
export function milliseconds(duration: Duration): number {
  return Number(duration.seconds) * 1000 + duration.nanos / 1e6;
}
