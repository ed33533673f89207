import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { anyUnpack } from '@bufbuild/protobuf/wkt';
import { messageType, registry, typeNameOf, typeUrlOf } from '@inmesh/api';
import {
  type HttpFilterConfig,
  isMeshError,
  type Kind,
  MeshError,
  type Model,
  secretsOf,
  socketsOf,
} from '@inmesh/core';
import { type DecodeProfile, newDecoding, parseText, type ResourceType, resourceTypes } from '@inmesh/xds';
import { dumpedResources, withoutZeroWeights } from './dump.ts';
import { duplicateError, type Resource, readResource, readResources } from './resource.ts';

/** One thing to say about a file. */
export interface Finding {
  /** `error`: a client refuses the resource (NACK), or the file cannot be read. `warning`: it is accepted, and calls will fail or do less than it says. */
  readonly severity: 'error' | 'warning';
  /** `file:line:column`, or the file. */
  readonly origin: string;
  readonly message: string;
}

export interface ValidationResult {
  readonly files: number;
  readonly resources: number;
  readonly findings: readonly Finding[];
}

type Decoded = { readonly [K in Kind]: Map<string, { readonly value: Model[K]; readonly origin: string }> };

/**
 * Checks a folder, or one file, of resources without a control plane: with the decoders and in the words with which inmesh
 * would refuse them on the stream, by the rules of a profile. Throws a MeshError where there is no such file or folder.
 */
export function validateResources(path: string, profile: DecodeProfile = 'envoy'): ValidationResult {
  const findings: Finding[] = [];
  const resources: Resource[] = [];
  const seen = new Map<string, Resource>();
  const files = filesOf(path);
  for (const file of files) {
    const { resources: inFile, dump } = read(file, findings);
    for (const resource of inFile) {
      const key = `${resource.typeUrl} ${resource.name}`;
      const first = seen.get(key);
      if (first === undefined) seen.set(key, resource);
      // A proxy has the active version and the next one side by side.
      else if (dump) continue;
      else
        findings.push({ severity: 'error', origin: resource.origin, message: text(duplicateError(first, resource)) });
      resources.push(resource);
    }
  }
  const decoded = decode(resources, profile, findings);
  warnUnsupported(decoded, findings);
  warnDangling(decoded, (typeName, name) => seen.has(`${typeUrlOf(typeName)} ${name}`), findings);
  return { files: files.length, resources: resources.length, findings };
}

function filesOf(path: string): string[] {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) {
    throw new MeshError('invalid_config', `${path} does not exist; give a folder or a file of resources`);
  }
  if (!found.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /^[^.].*\.(ya?ml|json)$/i.test(name))
    .sort()
    .map((name) => join(path, name));
}

interface ReadFile {
  readonly resources: readonly Resource[];
  /** They were written by a proxy, a client or a recorder. */
  readonly dump: boolean;
}

function read(file: string, findings: Finding[]): ReadFile {
  const attempt = <T>(action: () => T, otherwise: T): T => {
    try {
      return action();
    } catch (error) {
      findings.push({ severity: 'error', origin: file, message: text(error) });
      return otherwise;
    }
  };
  const document = attempt(() => parseText(readFileSync(file, 'utf8'), file), null);
  if (document === null) return { resources: [], dump: false };
  const paths = dumpedResources(document);
  if (paths === null) return { resources: attempt(() => readResources(document), []), dump: false };
  const whole = withoutZeroWeights(document);
  const resources = paths.flatMap((path) => {
    const resource = attempt(() => readResource(whole, path, { unknownTypes: 'wrap' }), null);
    return resource === null ? [] : [resource];
  });
  return { resources, dump: true };
}

function decode(resources: readonly Resource[], profile: DecodeProfile, findings: Finding[]): Decoded {
  const decoding = newDecoding({ profile });
  const types = Object.values(resourceTypes(decoding)) as ResourceType[];
  const decoded = Object.fromEntries(types.map(({ kind }) => [kind, new Map()])) as unknown as Decoded;
  const context = { nodeId: '', controlPlane: '' } as const;
  for (const { typeUrl, any, origin } of resources) {
    try {
      const type = types.find((each) => each.typeUrl === typeUrl);
      if (type !== undefined) {
        const { name, value } = type.decode(any.value, context);
        (decoded[type.kind] as Map<string, unknown>).set(name, { value, origin });
        continue;
      }
      const message = anyUnpack(any, registry());
      const violation = message === undefined ? null : decoding.validate(messageType(typeNameOf(typeUrl)), message);
      if (violation !== null) throw new MeshError('invalid_config', `${violation.field}: ${violation.problem}`);
    } catch (error) {
      findings.push({ severity: 'error', origin, message: text(error) });
    }
  }
  return decoded;
}

function isRefused({ support, optional, disabled, unsupported }: HttpFilterConfig): boolean {
  return !optional && !disabled && (support === 'unknown' || unsupported.length > 0);
}

function warnUnsupported(decoded: Decoded, findings: Finding[]): void {
  const warn = (origin: string, message: string) => findings.push({ severity: 'warning', origin, message });
  for (const [name, { value, origin }] of decoded.listener) {
    const refused = value.http?.httpFilters.filter(isRefused) ?? [];
    for (const filter of refused)
      warn(origin, `Listener "${name}": calls are refused, HTTP filter ${filter.name} is not supported`);
  }
  const configurations = [
    ...decoded.routeConfiguration.values(),
    ...[...decoded.listener.values()].flatMap(({ value, origin }) =>
      value.http?.routes.kind === 'inline' ? [{ value: value.http.routes.config, origin }] : [],
    ),
  ];
  for (const { value, origin } of configurations) {
    for (const virtualHost of value.virtualHosts) {
      for (const [index, route] of virtualHost.routes.entries()) {
        if (route.unsupported.length === 0) continue;
        const place = `RouteConfiguration "${value.name}", virtual host "${virtualHost.name}", routes[${index}]`;
        warn(origin, `${place}: calls are refused, not supported: ${route.unsupported.join(', ')}`);
      }
    }
  }
  for (const [name, { value, origin }] of decoded.cluster) {
    if (value.unsupported.length > 0) {
      warn(origin, `Cluster "${name}": calls are refused, not supported: ${value.unsupported.join(', ')}`);
      continue;
    }
    const lacks = socketsOf(value.transport).flatMap((each) => (each.kind === 'unsupported' ? each.fields : []));
    if (lacks.length > 0) {
      warn(origin, `Cluster "${name}": calls to some endpoints are refused, not supported: ${lacks.join(', ')}`);
    }
  }
}

/** A name that nothing answers to is no mistake by itself (another file or server may have it), but worth a word. */
function warnDangling(
  decoded: Decoded,
  isHere: (typeName: string, name: string) => boolean,
  findings: Finding[],
): void {
  const warn = (origin: string, message: string) => findings.push({ severity: 'warning', origin, message });
  for (const [name, { value, origin }] of decoded.listener) {
    const routes = value.http?.routes;
    if (routes?.kind === 'rds' && !isHere('envoy.config.route.v3.RouteConfiguration', routes.name)) {
      warn(origin, `Listener "${name}" names RouteConfiguration "${routes.name}", which is not here`);
    }
  }
  for (const { value, origin } of decoded.routeConfiguration.values()) {
    const named = value.virtualHosts.flatMap(({ routes }) =>
      routes.flatMap(({ action }) => (action.kind === 'forward' ? action.clusters.map(({ name }) => name) : [])),
    );
    for (const cluster of new Set(named)) {
      if (!isHere('envoy.config.cluster.v3.Cluster', cluster)) {
        warn(origin, `RouteConfiguration "${value.name}" names Cluster "${cluster}", which is not here`);
      }
    }
  }
  for (const [name, { value, origin }] of decoded.cluster) {
    const { discovery, transport } = value;
    for (const secret of secretsOf(transport)) {
      if (secret.source.kind !== 'ads') continue;
      if (isHere('envoy.extensions.transport_sockets.tls.v3.Secret', secret.name)) continue;
      warn(origin, `Cluster "${name}" takes Secret "${secret.name}" over ADS, which is not here`);
    }
    if (discovery.kind === 'eds' && !isHere('envoy.config.endpoint.v3.ClusterLoadAssignment', discovery.serviceName)) {
      warn(
        origin,
        `Cluster "${name}" takes its endpoints from ClusterLoadAssignment "${discovery.serviceName}", which is not here`,
      );
    }
  }
}

function text(error: unknown): string {
  if (isMeshError(error)) return error.message.replace(/^\[\w+\] /, '').replace(/ \(resource [^)]*\)$/, '');
  return error instanceof Error ? error.message : String(error);
}
