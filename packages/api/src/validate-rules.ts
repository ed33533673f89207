import {
  type DescExtension,
  type DescField,
  type DescMessage,
  type DescOneof,
  getOption,
  hasOption,
} from '@bufbuild/protobuf';
import type { disabled, FieldRules, ignored, required, rules } from '@inmesh/api/gen/validate/validate_pb';
import { registry } from './registry.ts';

/** Rules of a whole message: whether its fields' rules are to be checked at all. */
export interface MessageRules {
  readonly disabled: boolean;
  readonly ignored: boolean;
}

/** Rules of a oneof: whether one of its members must be set. */
export interface OneofRules {
  readonly required: boolean;
}

/**
 * The `validate` options (protoc-gen-validate) which the API's authors gave a field, a message or a oneof, and which
 * Envoy enforces when it reads a resource. They are parsed on every call: a validator should ask once per descriptor.
 *
 * The rules are a proto2 message, so a bound that was not given still reads as 0 or false (`maxLen` is `0n`): whether it
 * was given, `Object.hasOwn(rules, 'maxLen')` or protobuf-es's `isFieldSet` says.
 */
export function validateRulesOf(desc: DescField): FieldRules | undefined;
export function validateRulesOf(desc: DescMessage): MessageRules;
export function validateRulesOf(desc: DescOneof): OneofRules;
export function validateRulesOf(
  desc: DescField | DescMessage | DescOneof,
): FieldRules | MessageRules | OneofRules | undefined {
  switch (desc.kind) {
    case 'field': {
      const option = extension<typeof rules>('validate.rules');
      return hasOption(desc, option) ? getOption(desc, option) : undefined;
    }
    case 'message':
      return {
        disabled: getOption(desc, extension<typeof disabled>('validate.disabled')),
        ignored: getOption(desc, extension<typeof ignored>('validate.ignored')),
      };
    case 'oneof':
      return { required: getOption(desc, extension<typeof required>('validate.required')) };
  }
}

function extension<E extends DescExtension>(typeName: E['typeName']): E {
  const found = registry().getExtension(typeName);
  if (found === undefined) throw new TypeError(`the API has no extension ${typeName}`);
  return found as E;
}
