import type { HeaderMutation } from '@inmesh/api/gen/envoy/config/common/mutation_rules/v3/mutation_rules_pb';
import type { HeaderValueOption } from '@inmesh/api/gen/envoy/config/core/v3/base_pb';
import {
  compileFormat,
  FormatError,
  type HeaderAppendAction,
  type HeaderMutations,
  type HeaderToAdd,
  type MessageMutations,
  NO_HEADER_MUTATIONS,
  NO_MESSAGE_MUTATIONS,
} from '@inmesh/core';
import { enumName, Refusal } from './decoding.ts';

/** The fields of every level of routing that changes headers. */
export const MUTATION_FIELDS: readonly string[] = [
  'request_headers_to_add',
  'request_headers_to_remove',
  'response_headers_to_add',
  'response_headers_to_remove',
];

interface MutatingMessage {
  readonly requestHeadersToAdd: readonly HeaderValueOption[];
  readonly requestHeadersToRemove: readonly string[];
  readonly responseHeadersToAdd: readonly HeaderValueOption[];
  readonly responseHeadersToRemove: readonly string[];
}

/** `place` is where the message stands in the resource, with the dot; empty for the whole. */
export function decodeMessageMutations(message: MutatingMessage, place: string): MessageMutations {
  const request = decodeHeaderMutations(
    message.requestHeadersToAdd,
    message.requestHeadersToRemove,
    `${place}request_headers_to`,
  );
  const response = decodeHeaderMutations(
    message.responseHeadersToAdd,
    message.responseHeadersToRemove,
    `${place}response_headers_to`,
  );
  // One for all that change nothing: most routes do not, and a large feed has thousands.
  if (request === NO_HEADER_MUTATIONS && response === NO_HEADER_MUTATIONS) return NO_MESSAGE_MUTATIONS;
  return { request, response };
}

/** `…_headers_to_add` and `…_headers_to_remove`; `prefix` is the fields' common beginning, such as `request_headers_to`. */
function decodeHeaderMutations(
  add: readonly HeaderValueOption[],
  remove: readonly string[],
  prefix: string,
): HeaderMutations {
  if (add.length === 0 && remove.length === 0) return NO_HEADER_MUTATIONS;
  return {
    add: add.map((option, index) => decodeHeaderToAdd(option, `${prefix}_add[${index}]`)),
    remove: remove.map((name, index) => {
      if (!isModifiable(name)) {
        throw new Refusal(`${prefix}_remove[${index}]`, ':-prefixed or host headers may not be removed');
      }
      return name.toLowerCase();
    }),
  };
}

/** One of an ordered list. (envoy.config.common.mutation_rules.v3.HeaderMutation) */
export function decodeHeaderMutation({ action }: HeaderMutation, field: string): HeaderMutations {
  if (action.case === 'append') return { add: [decodeHeaderToAdd(action.value, `${field}.append`)], remove: [] };
  if (action.case === 'remove') return { add: [], remove: [action.value.toLowerCase()] };
  throw new Refusal(field, `${action.case ?? 'nothing'} is not supported here`);
}

export function decodeHeaderToAdd(option: HeaderValueOption, field: string): HeaderToAdd {
  const key = option.header?.key ?? '';
  if (!isModifiable(key)) {
    throw new Refusal(`${field}.header.key`, ':-prefixed or host headers may not be modified');
  }
  const value = option.header?.value ?? '';
  requireFormat(value, `${field}.header.value`);
  return {
    name: key.toLowerCase(),
    value,
    action: actionOf(option, field),
    keepEmptyValue: option.keepEmptyValue,
  };
}

/** Refuses what is no substitution format string. */
export function requireFormat(text: string, field: string): void {
  try {
    compileFormat(text, '');
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    throw new Refusal(field, cause.message, { cause });
  }
}

/** The deprecated `append` counts where it is set, and excludes `append_action`. */
function actionOf(option: HeaderValueOption, field: string): HeaderAppendAction {
  const name = enumName('envoy.config.core.v3.HeaderValueOption.HeaderAppendAction', option.appendAction);
  if (option.append === undefined) return name.toLowerCase() as HeaderAppendAction;
  if (name !== 'APPEND_IF_EXISTS_OR_ADD') {
    throw new Refusal(field, "Both append and append_action are set and it's not allowed");
  }
  return option.append ? 'append_if_exists_or_add' : 'overwrite_if_exists_or_add';
}

function isModifiable(name: string): boolean {
  return name !== '' && !name.startsWith(':') && name.toLowerCase() !== 'host';
}
