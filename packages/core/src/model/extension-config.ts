/**
 * The configuration of an extension, whichever way it was packed: as a message, or as a TypedStruct, in which control planes send
 * what they have no generated code for. (envoy.config.core.v3.TypedExtensionConfig)
 */
export interface ExtensionConfig {
  /** Of the extension or of the ECDS resource. */
  readonly name: string;
  /** The message's full name, TypedStruct unwrapped; empty where the configuration tells none. */
  readonly typeName: string;
  /** The serialized message; null where it came as a TypedStruct of a type that the API does not have. */
  readonly message: Uint8Array | null;
  /** The fields of such a TypedStruct; null for all else. */
  readonly struct: { readonly [field: string]: unknown } | null;
}

/** A configuration that comes on its own, under a name. (envoy.config.core.v3.ExtensionConfigSource) */
export interface ConfigDiscovery {
  /** Name of the ECDS resource: that of the filter. */
  readonly name: string;
  /** In force until the first one comes, or where there is none; null for none. */
  readonly defaultConfig: ExtensionConfig | null;
  /** The default serves at once; false: calls wait for the control plane first. */
  readonly applyDefaultConfigWithoutWarming: boolean;
  /** Full names of the messages that may come; at least one. */
  readonly typeNames: readonly string[];
}
