import type { TextDocument } from '../text/index.ts';
import {
  type Authority,
  type Bootstrap,
  type CertificateProvider,
  DEFAULT_KEEPALIVE,
  EMPTY_BOOTSTRAP,
  type JsonObject,
  type NodeIdentity,
  type ServerCredentials,
  type XdsServer,
} from './bootstrap.ts';
import { Fields } from './fields.ts';
import { uriProblem } from './server-uri.ts';

type Environment = { readonly [name: string]: string | undefined };

const SUPPORTED_CREDENTIALS = ['insecure', 'tls', 'google_default'] as const;

/** Ours, because gRPC's bootstrap has no word for the incremental protocol: gRPC itself does not speak it. */
const DELTA_FEATURE = 'inmesh.delta';

/**
 * Reads gRPC's bootstrap (gRFC A27, A29, A36, A47, A65, A71, A97), as istio-agent and the generators for Traffic Director write
 * it. `env` tells where Google's application default credentials are. Unknown fields are ignored, as the gRFCs ask. Throws `MeshError('invalid_config')` with file, line, field and remedy.
 */
export function readGrpcBootstrap(document: TextDocument, env: Environment = {}): Bootstrap {
  const root = new Fields(document);
  const warnings: string[] = [];
  if (!root.has('xds_servers')) {
    throw document.error([], 'has no xds_servers', remedyForForeignFile(document));
  }
  const servers = readServers(root, 'xds_servers', env, warnings);
  if (servers.length === 0) throw root.error('xds_servers', 'is empty', 'name at least one server with its server_uri');
  return {
    ...EMPTY_BOOTSTRAP,
    origin: document.origin,
    format: 'grpc',
    node: readNode(root),
    servers,
    dynamic: { listeners: true, clusters: true },
    listenerTemplate: root.string('client_default_listener_resource_name_template') ?? EMPTY_BOOTSTRAP.listenerTemplate,
    serverListenerTemplate: root.string('server_listener_resource_name_template') ?? null,
    authorities: readAuthorities(root, env, warnings),
    certificateProviders: readCertificateProviders(root, warnings),
    warnings,
  };
}

function remedyForForeignFile(document: TextDocument): string {
  const isEnvoys = document.at(['static_resources']) !== undefined || document.at(['dynamic_resources']) !== undefined;
  return isEnvoys
    ? 'this is an Envoy bootstrap: name it in INMESH_BOOTSTRAP instead'
    : 'list the control planes as xds_servers: [{"server_uri": …, "channel_creds": […]}]';
}

function readServers(parent: Fields, name: string, env: Environment, warnings: string[]): XdsServer[] {
  return parent.each(name).map((server) => {
    const uri = server.requiredString(
      'server_uri',
      'give the address of the control plane, such as dns:///istiod.istio-system.svc:15010',
    );
    const fault = uriProblem(uri);
    if (fault !== null) throw server.error('server_uri', fault.problem, fault.remedy);
    const { credentials, isGoogles } = readCredentials(server);
    const callCredentials = readCallCredentials(server);
    const unsent = callCredentials.filter(({ type }) => type !== 'jwt_token_file' || credentials.kind !== 'tls');
    if (unsent.length > 0) {
      const types = unsent.map(({ type }) => String(type)).join(', ');
      warnings.push(
        `${server.document.origin}: call_creds of ${uri} are not sent (${types}): this version sends jwt_token_file, over TLS`,
      );
    }
    const features = readFeatures(server);
    return {
      uri,
      credentials,
      features,
      initialMetadata: [],
      keepalive: DEFAULT_KEEPALIVE,
      delta: features.includes(DELTA_FEATURE),
      callCredentials: isGoogles ? [googleCredentials(env), ...callCredentials] : callCredentials,
    };
  });
}

/** Features of another type than string are to be ignored (gRFC A27). */
function readFeatures(server: Fields): string[] {
  const listed = server.document.at([...server.path, 'server_features']);
  return Array.isArray(listed) ? listed.filter((feature) => typeof feature === 'string') : [];
}

/** gRFC A97. */
function readCallCredentials(server: Fields): JsonObject[] {
  return server.each('call_creds').map((each) => {
    if (each.string('type') === 'jwt_token_file') {
      each.inside('config').requiredString('jwt_token_file', 'name the file that holds the token');
    }
    return { ...(each.document.at(each.path) as JsonObject) };
  });
}

/** Where Google's libraries look for application default credentials. */
function googleCredentials(env: Environment): JsonObject {
  const { GOOGLE_APPLICATION_CREDENTIALS: given, CLOUDSDK_CONFIG, HOME = '' } = env;
  const file = `${CLOUDSDK_CONFIG ?? `${HOME}/.config/gcloud`}/application_default_credentials.json`;
  return { type: 'google_default', config: { credentials_file: given ?? file } };
}

/**
 * The first supported type wins (gRFC A27). `google_default` is TLS by the system's roots, and a token that the key of a service
 * account signs; what Google's metadata server would give is not asked for.
 */
function readCredentials(server: Fields): { readonly credentials: ServerCredentials; readonly isGoogles: boolean } {
  const offered: string[] = [];
  for (const entry of server.each('channel_creds')) {
    const type = entry.requiredString('type', `give one of ${SUPPORTED_CREDENTIALS.join(', ')}`);
    if (type === 'insecure') return { credentials: { kind: 'insecure' }, isGoogles: false };
    if (type === 'tls') return { credentials: readTls(entry.inside('config')), isGoogles: false };
    if (type === 'google_default') {
      return { credentials: { kind: 'tls' }, isGoogles: true };
    }
    offered.push(type);
  }
  throw server.error(
    'channel_creds',
    offered.length === 0 ? 'is missing' : `has no supported type (${offered.join(', ')})`,
    `add one of ${SUPPORTED_CREDENTIALS.map((type) => `{"type": "${type}"}`).join(', ')}`,
  );
}

/** gRFC A65. Files are read for each connection, so `refresh_interval` must be right and has nothing to steer. */
function readTls(config: Fields): ServerCredentials {
  const caFile = config.string('ca_certificate_file');
  const certFile = config.string('certificate_file');
  const keyFile = config.string('private_key_file');
  if (certFile !== undefined && keyFile === undefined) {
    throw config.error('certificate_file', 'has no private_key_file beside it', 'give both for mTLS, or none');
  }
  if (keyFile !== undefined && certFile === undefined) {
    throw config.error('private_key_file', 'has no certificate_file beside it', 'give both for mTLS, or none');
  }
  config.durationMs('refresh_interval');
  return {
    kind: 'tls',
    ...(caFile !== undefined && { caFile }),
    ...(certFile !== undefined && { certFile }),
    ...(keyFile !== undefined && { keyFile }),
  };
}

function readNode(root: Fields): NodeIdentity {
  const node = root.inside('node');
  const locality = node.inside('locality');
  return {
    id: node.string('id') ?? '',
    cluster: node.string('cluster') ?? '',
    locality: {
      region: locality.string('region') ?? '',
      zone: locality.string('zone') ?? '',
      subZone: locality.string('sub_zone') ?? locality.string('subZone') ?? '',
    },
    metadata: node.object('metadata') ?? {},
  };
}

function readAuthorities(root: Fields, env: Environment, warnings: string[]): { readonly [name: string]: Authority } {
  const authorities = root.entries('authorities').map(([name, fields]): [string, Authority] => {
    const listenerTemplate = fields.string('client_listener_resource_name_template') ?? null;
    if (listenerTemplate !== null && !listenerTemplate.startsWith(`xdstp://${name}/`)) {
      throw fields.error(
        'client_listener_resource_name_template',
        `does not start with xdstp://${name}/`,
        'use the name of the authority in its template',
      );
    }
    return [name, { servers: readServers(fields, 'xds_servers', env, warnings), listenerTemplate }];
  });
  return Object.fromEntries(authorities);
}

function readCertificateProviders(
  root: Fields,
  warnings: string[],
): { readonly [instance: string]: CertificateProvider } {
  const providers: [string, CertificateProvider][] = [];
  for (const [instance, fields] of root.entries('certificate_providers')) {
    const plugin = fields.requiredString('plugin_name', 'give the name of the plugin, such as file_watcher');
    if (plugin !== 'file_watcher') {
      warnings.push(
        `${root.document.origin}: certificate provider ${instance}: plugin ${plugin} is not known; left out`,
      );
      continue;
    }
    providers.push([instance, { plugin, config: fields.object('config') ?? {} }]);
  }
  return Object.fromEntries(providers);
}
