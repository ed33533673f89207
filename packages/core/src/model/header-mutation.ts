/** What becomes of a header that is there already. (envoy.config.core.v3.HeaderValueOption.HeaderAppendAction) */
export type HeaderAppendAction =
  | 'append_if_exists_or_add'
  | 'add_if_absent'
  | 'overwrite_if_exists'
  | 'overwrite_if_exists_or_add';

/** envoy.config.core.v3.HeaderValueOption */
export interface HeaderToAdd {
  /** In lower case, as Envoy sends it. */
  readonly name: string;
  /** A substitution format string. */
  readonly value: string;
  readonly action: HeaderAppendAction;
  /** Also where the value comes out empty. */
  readonly keepEmptyValue: boolean;
}

/** `…_headers_to_add` and `…_headers_to_remove` of one level. Removal comes first. */
export interface HeaderMutations {
  readonly add: readonly HeaderToAdd[];
  /** In lower case. */
  readonly remove: readonly string[];
}

/** What a level of routing does to requests and responses. */
export interface MessageMutations {
  readonly request: HeaderMutations;
  readonly response: HeaderMutations;
}

export const NO_HEADER_MUTATIONS: HeaderMutations = { add: [], remove: [] };
export const NO_MESSAGE_MUTATIONS: MessageMutations = {
  request: NO_HEADER_MUTATIONS,
  response: NO_HEADER_MUTATIONS,
};
