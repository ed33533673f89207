import { MeshError } from '@inmesh/core';
import { type Decoding, newDecoding } from '../decode/index.ts';
import { parseText, type TextDocument } from '../text/index.ts';
import {
  type Bootstrap,
  DEFAULT_KEEPALIVE,
  EMPTY_BOOTSTRAP,
  type JsonObject,
  type NodeIdentity,
  type XdsServer,
} from './bootstrap.ts';
import { readEnvoyBootstrap } from './envoy-bootstrap.ts';
import { readGrpcBootstrap } from './grpc-bootstrap.ts';
import { uriProblem } from './server-uri.ts';

/** A control plane named in code; all but its URI has a default. */
export type ServerOptions = Pick<XdsServer, 'uri'> & Partial<XdsServer>;

/** What code says wins over what a file says, field by field. */
export interface BootstrapOptions {
  /** Merged over the file's node. */
  readonly node?: Partial<NodeIdentity>;
  /** Replace the file's. Defaults of each: insecure, no features, no metadata, gRPC's keepalive, SotW. */
  readonly servers?: readonly ServerOptions[];
  /** Added to the file's. */
  readonly meshDomains?: readonly string[];
  readonly outsideMesh?: Bootstrap['outsideMesh'];
  readonly flavour?: Bootstrap['flavour'];
}

export interface LoadBootstrapOptions {
  /** The environment: `GRPC_XDS_BOOTSTRAP`, `GRPC_XDS_BOOTSTRAP_CONFIG` and `INMESH_BOOTSTRAP` are read. */
  readonly env: { readonly [name: string]: string | undefined };
  /** Reads a text file; throws as `fs.readFileSync` does. */
  readonly readFile: (path: string) => string;
  /** A bootstrap file of any format. Default: what the environment names. */
  readonly path?: string | undefined;
  /** A bootstrap of any format, as text or as an object. Default: what the environment names. */
  readonly inline?: string | JsonObject | undefined;
  readonly options?: BootstrapOptions | undefined;
  /** Validation shared with the decoders of the feed. Default: an own one. */
  readonly decoding?: Decoding | undefined;
}

const DEFAULT_FILE = 'inmesh.yaml';

/**
 * Finds and reads the bootstrap: `path` or `inline`, else `GRPC_XDS_BOOTSTRAP` (file), `GRPC_XDS_BOOTSTRAP_CONFIG` (text),
 * `INMESH_BOOTSTRAP` (file), else `./inmesh.yaml` if it is there; then `options` over it. Throws `MeshError('invalid_config')` that
 * names file, line, field and remedy, also where nothing names a configuration at all.
 */
export function loadBootstrap(load: LoadBootstrapOptions): Bootstrap {
  const decoding = load.decoding ?? newDecoding();
  const found = find(load);
  if (found === null && load.options?.servers === undefined) {
    throw new MeshError(
      'invalid_config',
      `no bootstrap: set GRPC_XDS_BOOTSTRAP, GRPC_XDS_BOOTSTRAP_CONFIG or INMESH_BOOTSTRAP, write ./${DEFAULT_FILE}, or name servers in code`,
    );
  }
  const bootstrap = found === null ? { ...EMPTY_BOOTSTRAP, origin: 'options' } : read(decoding, found, load.env);
  return load.options === undefined ? bootstrap : withOptions(bootstrap, load.options);
}

interface Found {
  readonly document: TextDocument;
  /** gRPC's variables hold gRPC's format; all else is told by its fields. */
  readonly format: 'grpc' | 'any';
}

function find({ env, readFile, path, inline }: LoadBootstrapOptions): Found | null {
  const file = (name: string, from: string): TextDocument => parseText(readText(readFile, name, from), name);
  if (path !== undefined) return { document: file(path, 'options'), format: 'any' };
  if (inline !== undefined) {
    const text = typeof inline === 'string' ? inline : JSON.stringify(inline, null, 2);
    return { document: parseText(text, 'bootstrap in code'), format: 'any' };
  }
  const { GRPC_XDS_BOOTSTRAP, GRPC_XDS_BOOTSTRAP_CONFIG, INMESH_BOOTSTRAP } = env;
  if (GRPC_XDS_BOOTSTRAP) return { document: file(GRPC_XDS_BOOTSTRAP, 'GRPC_XDS_BOOTSTRAP'), format: 'grpc' };
  if (GRPC_XDS_BOOTSTRAP_CONFIG) {
    return { document: parseText(GRPC_XDS_BOOTSTRAP_CONFIG, 'GRPC_XDS_BOOTSTRAP_CONFIG'), format: 'grpc' };
  }
  if (INMESH_BOOTSTRAP) return { document: file(INMESH_BOOTSTRAP, 'INMESH_BOOTSTRAP'), format: 'any' };
  const text = readIfThere(readFile, DEFAULT_FILE);
  return text === null ? null : { document: parseText(text, DEFAULT_FILE), format: 'any' };
}

function read(decoding: Decoding, { document, format }: Found, env: LoadBootstrapOptions['env']): Bootstrap {
  const isGrpc = format === 'grpc' || document.at(['xds_servers']) !== undefined;
  return isGrpc ? readGrpcBootstrap(document, env) : readEnvoyBootstrap(decoding, document);
}

function readText(readFile: (path: string) => string, path: string, from: string): string {
  try {
    return readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MeshError('invalid_config', `${path} cannot be read (${reason}); correct its name in ${from}`, { cause });
  }
}

function readIfThere(readFile: (path: string) => string, path: string): string | null {
  try {
    return readFile(path);
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code === 'ENOENT') return null;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MeshError('invalid_config', `${path} cannot be read (${reason}); make it readable or remove it`, {
      cause,
    });
  }
}

function withOptions(bootstrap: Bootstrap, options: BootstrapOptions): Bootstrap {
  const servers = options.servers?.map(fillServer);
  const isNew = bootstrap.format === 'code';
  return {
    ...bootstrap,
    node: { ...bootstrap.node, ...options.node },
    servers: servers ?? bootstrap.servers,
    dynamic: isNew ? { listeners: true, clusters: true } : bootstrap.dynamic,
    meshDomains: [...bootstrap.meshDomains, ...(options.meshDomains ?? [])],
    outsideMesh: options.outsideMesh ?? bootstrap.outsideMesh,
    flavour: options.flavour ?? bootstrap.flavour,
  };
}

function fillServer(server: ServerOptions, index: number): XdsServer {
  const fault = uriProblem(server.uri);
  if (fault !== null) {
    throw new MeshError('invalid_config', `options: servers[${index}].uri: ${fault.problem}; ${fault.remedy}`);
  }
  return {
    credentials: { kind: 'insecure' },
    features: [],
    initialMetadata: [],
    keepalive: DEFAULT_KEEPALIVE,
    delta: false,
    callCredentials: [],
    ...server,
  };
}
