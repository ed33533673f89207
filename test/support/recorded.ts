import { readFileSync } from 'node:fs';
import type { JsonValue } from '@bufbuild/protobuf';
import { registry } from '@inmesh/api';
import type { ResourceInput } from '@inmesh/control-plane';
import { wrapUnknownTypes } from '@inmesh/xds';

/** What a real control plane once sent. */
export function recorded(fixture: string): ResourceInput[] {
  const path = new URL(`../../packages/xds/test-fixtures/${fixture}.json`, import.meta.url);
  const all = Object.values(JSON.parse(readFileSync(path, 'utf8')) as Record<string, ResourceInput[]>).flat();
  // Istio's own types come as TypedStruct where the API does not have them: the name of the type is what counts.
  return all.map((resource) => wrapUnknownTypes(resource as JsonValue, registry()) as ResourceInput);
}

type Json = { [field: string]: JsonValue | undefined };

/** The same feed with all endpoints on a port of 127.0.0.1, in plain HTTP/1, by routes that match any headers: so that it can be called. */
export function callable(resources: readonly ResourceInput[], port: number): ResourceInput[] {
  return resources.map((resource) => {
    const copy = structuredClone(resource) as unknown as Json;
    const type = String(copy['@type']);
    if (type.endsWith('.Cluster')) {
      delete copy.transport_socket;
      delete copy.transport_socket_matches;
      delete copy.typed_extension_protocol_options;
    }
    if (type.endsWith('.ClusterLoadAssignment')) {
      const address = { socket_address: { address: '127.0.0.1', port_value: port } };
      copy.endpoints = [{ lb_endpoints: [{ endpoint: { address } }] }];
    }
    for (const host of (copy.virtual_hosts ?? []) as Json[]) {
      const routes = (host.routes as Json[]).filter((route) => (route.match as Json).headers === undefined);
      for (const { route } of routes) delete (route as Json | undefined)?.max_stream_duration;
      host.routes = routes as JsonValue;
    }
    return copy as unknown as ResourceInput;
  });
}
