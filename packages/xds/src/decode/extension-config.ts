import type { Any } from '@bufbuild/protobuf/wkt';
import { messageType, typeNameOf } from '@inmesh/api';
import type { ExtensionConfigSource } from '@inmesh/api/gen/envoy/config/core/v3/config_source_pb';
import type { TypedExtensionConfig } from '@inmesh/api/gen/envoy/config/core/v3/extension_pb';
import type { ConfigDiscovery, ExtensionConfig } from '@inmesh/core';
import { type Decoding, Refusal, requireValid } from './decoding.ts';
import { readTypedConfig, type TypedConfig } from './typed-config.ts';

/**
 * A resource of ECDS. One for a filter that the mesh brings is read, so that it is refused where it makes no sense; whether it may be of
 * its type is told by whoever asked for it.
 */
export function decodeExtensionConfig(decoding: Decoding, message: TypedExtensionConfig): ExtensionConfig {
  requireValid(decoding, messageType<TypedExtensionConfig>('envoy.config.core.v3.TypedExtensionConfig'), message);
  const field = 'typed_config';
  const config = readTypedConfig(message.typedConfig, field);
  decoding.filters.find(config.typeName)?.decode(decoding, config, field, []);
  return extensionConfig(message.name, config);
}

/** The configuration of an extension wherever it stands, TypedStruct unwrapped. The bytes are a copy. */
export function readExtensionConfig(name: string, any: Any | undefined, field: string): ExtensionConfig {
  return extensionConfig(name, readTypedConfig(any, field));
}

function extensionConfig(name: string, { typeName, any: packed, struct }: TypedConfig): ExtensionConfig {
  return { name, typeName, message: packed === null ? null : new Uint8Array(packed.value), struct };
}

/** `config_discovery` of a filter, whose name is that of the resource. Its rules were checked with those of whatever holds it. */
export function decodeConfigDiscovery(name: string, message: ExtensionConfigSource, field: string): ConfigDiscovery {
  const { configSource, defaultConfig, typeUrls, applyDefaultConfigWithoutWarming } = message;
  const source = configSource?.configSourceSpecifier.case;
  if (source !== 'ads' && source !== 'self') {
    throw new Refusal(`${field}.config_source`, 'does not come over ADS; write ads: {}');
  }
  const typeNames = typeUrls.map(typeNameOf);
  const config =
    defaultConfig === undefined ? null : readExtensionConfig(name, defaultConfig, `${field}.default_config`);
  if (config !== null && !typeNames.includes(config.typeName)) {
    throw new Refusal(
      `${field}.default_config`,
      `Error: cannot find filter factory ${name} for default filter configuration with type URL ${defaultConfig?.typeUrl}.`,
    );
  }
  if (applyDefaultConfigWithoutWarming && config === null) {
    throw new Refusal(
      `${field}.apply_default_config_without_warming`,
      `Error: filter config ${name} applied without warming but has no default config.`,
    );
  }
  return { name, defaultConfig: config, applyDefaultConfigWithoutWarming, typeNames };
}
