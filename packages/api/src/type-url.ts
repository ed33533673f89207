/** The prefix Envoy and every control plane write. Only what follows the last slash has a meaning. */
const prefix = 'type.googleapis.com/';

/** `envoy.config.cluster.v3.Cluster` → the type URL of an Any or a discovery request. */
export function typeUrlOf(typeName: string): string {
  return prefix + typeName;
}

/** The message name in a type URL; a name without a slash is taken as it is. */
export function typeNameOf(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}
