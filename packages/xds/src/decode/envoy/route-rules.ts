import { typeNameOf } from '@inmesh/api';
import type { ClusterSpecifierPlugin, RouteAction } from '@inmesh/api/gen/envoy/config/route/v3/route_components_pb';
import type { RouteConfiguration } from '@inmesh/api/gen/envoy/config/route/v3/route_pb';
import { Refusal } from '../decoding.ts';

const PLUGINS = /^envoy\.extensions\.router\.cluster_specifiers?\./;

/** Of types of plugins those that the real Envoy has: its own, and those of its contrib build. */
export function isEnvoySpecifier(typeName: string): boolean {
  return PLUGINS.test(typeName);
}

/** What Envoy refuses of a RouteConfiguration when it makes one, beyond what the decoder finds itself. */
export function requireEnvoyRoutes(message: RouteConfiguration, prefix: string): void {
  const plugins = readPlugins(message, prefix);
  for (const [index, host] of message.virtualHosts.entries()) {
    for (const [position, { action }] of host.routes.entries()) {
      if (action.case !== 'route') continue;
      requireAction(action.value, plugins, `${prefix}virtual_hosts[${index}].routes[${position}].route`);
    }
  }
}

function readPlugins({ clusterSpecifierPlugins }: RouteConfiguration, prefix: string): ReadonlySet<string> {
  return new Set(
    clusterSpecifierPlugins.map((plugin, index) => {
      requirePlugin(plugin, `${prefix}cluster_specifier_plugins[${index}]`);
      return plugin.extension?.name ?? '';
    }),
  );
}

function requirePlugin({ extension, isOptional }: ClusterSpecifierPlugin, field: string): void {
  const typeName = typeNameOf(extension?.typedConfig?.typeUrl ?? '');
  if (isEnvoySpecifier(typeName) || isOptional) return;
  throw new Refusal(field, `there is no plugin of type ${typeName}, and it is not optional`);
}

function requireAction(action: RouteAction, plugins: ReadonlySet<string>, field: string): void {
  const specifier = action.clusterSpecifier;
  if (specifier.case === 'clusterSpecifierPlugin' && !plugins.has(specifier.value)) {
    throw new Refusal(`${field}.cluster_specifier_plugin`, `unknown cluster specifier plugin name: ${specifier.value}`);
  }
  if (specifier.case === 'inlineClusterSpecifierPlugin') {
    requirePlugin(specifier.value, `${field}.inline_cluster_specifier_plugin`);
  }
}
