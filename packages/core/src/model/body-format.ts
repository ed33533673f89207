/** JSON whose texts are substitution format strings. */
export type JsonTemplate =
  | string
  | number
  | boolean
  | null
  | readonly JsonTemplate[]
  | { readonly [key: string]: JsonTemplate };

/** The body of an answer that the mesh gives. (envoy.config.core.v3.SubstitutionFormatString) */
export type BodyFormat = (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'json'; readonly json: { readonly [key: string]: JsonTemplate } }
) & {
  /** Leaves out what has no value, instead of `-` in a text and null in JSON. */
  readonly omitEmptyValues: boolean;
  readonly contentType: string;
};
