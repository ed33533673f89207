import { isIP } from 'node:net';
import { MeshError } from '@inmesh/core';
import type { NodeIdentity } from '../bootstrap/index.ts';
import { NO_LOCALITY } from '../bootstrap/index.ts';

/** Who this process is to istiod; what is not given is read from the pod's environment, as istio-agent reads it. */
export interface IstioNodeOptions {
  /** Default: `POD_NAME`, else `HOSTNAME`. */
  readonly podName?: string;
  /** Default: `POD_NAMESPACE`. */
  readonly namespace?: string;
  /** Default: `SERVICE_ACCOUNT`. istiod compares it with the token's. */
  readonly serviceAccount?: string;
  /** Addresses of the pod, the first one its main one. Default: `INSTANCE_IPS`, else `INSTANCE_IP`, else `POD_IP`. */
  readonly addresses?: readonly string[];
  /** The cluster's DNS domain. Default: `DOMAIN_SUFFIX`, else `cluster.local`. */
  readonly domain?: string;
  /** Name of the Kubernetes cluster. Default: `ISTIO_META_CLUSTER_ID`, else `Kubernetes`, as istiod's own. */
  readonly clusterId?: string;
  /** The Istio whose feed is understood: istiod leaves out what an older proxy would not know. Default 1.31.0, which the decoders were written for. */
  readonly istioVersion?: string;
  /** Default: the downward API's file `/etc/istio/pod/labels`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** `region/zone/subzone`. Default: the label `istio-locality` (with dots); without one istiod takes the Kubernetes node's. */
  readonly locality?: string;
  /** Further metadata, over all else. */
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** Where the surroundings are read; all of it is handed in. */
export interface IstioSurroundings {
  readonly env: { readonly [name: string]: string | undefined };
  /** Reads a text file; throws as `fs.readFileSync` does. */
  readonly readFile: (path: string) => string;
}

const DEFAULT_VERSION = '1.31.0';
const META = 'ISTIO_META_';
const META_JSON = 'ISTIO_METAJSON_';

/**
 * The node that istiod makes a sidecar's feed for, without an agent: `sidecar~<ip>~<pod>.<ns>~<ns>.svc.<domain>`. Throws
 * `MeshError('invalid_config')` that names what is missing and where it would be read.
 */
export function istioNode(options: IstioNodeOptions, { env, readFile }: IstioSurroundings): NodeIdentity {
  const namespace = required('namespace', 'POD_NAMESPACE', options.namespace ?? env.POD_NAMESPACE);
  const podName = required('podName', 'POD_NAME', options.podName ?? env.POD_NAME ?? env.HOSTNAME);
  const addresses = addressesOf(options, env);
  const domain = options.domain ?? env.DOMAIN_SUFFIX ?? 'cluster.local';
  const labels = options.labels ?? readPairs(readFile, '/etc/istio/pod/labels');
  const annotations = readPairs(readFile, '/etc/istio/pod/annotations');
  const serviceAccount = options.serviceAccount ?? env.SERVICE_ACCOUNT;
  const workload = env.ISTIO_META_WORKLOAD_NAME ?? labels['service.istio.io/canonical-name'] ?? labels.app;
  return {
    id: `sidecar~${addresses[0]}~${podName}.${namespace}~${namespace}.svc.${domain}`,
    cluster: `${workload ?? podName}.${namespace}`,
    locality: localityOf(options.locality?.split('/') ?? labels['istio-locality']?.split('.') ?? []),
    metadata: {
      ...(Object.keys(annotations).length > 0 && { ANNOTATIONS: annotations }),
      ...fromEnvironment(env),
      NAME: podName,
      NAMESPACE: namespace,
      INSTANCE_IPS: addresses.join(','),
      LABELS: labels,
      CLUSTER_ID: options.clusterId ?? env.ISTIO_META_CLUSTER_ID ?? 'Kubernetes',
      ISTIO_VERSION: options.istioVersion ?? env.ISTIO_META_ISTIO_VERSION ?? DEFAULT_VERSION,
      ...(serviceAccount !== undefined && { SERVICE_ACCOUNT: serviceAccount }),
      ...(workload !== undefined && { WORKLOAD_NAME: workload }),
      ...options.metadata,
      // Tunnels cannot be entered by this version.
      DISABLE_HBONE_SEND: 'true',
    },
  };
}

function required(option: string, variable: string, value: string | undefined): string {
  if (value !== undefined && value !== '') return value;
  throw new MeshError('invalid_config', `istio: ${option} is not known; set ${variable} from the pod, or give it`);
}

function addressesOf(
  { addresses }: IstioNodeOptions,
  { INSTANCE_IPS, INSTANCE_IP, POD_IP }: IstioSurroundings['env'],
): readonly string[] {
  const text = addresses?.join(',') ?? INSTANCE_IPS ?? INSTANCE_IP ?? POD_IP ?? '';
  const found = text.split(',').filter((each) => each.trim() !== '');
  const wrong = found.find((each) => isIP(each) === 0);
  if (wrong !== undefined) throw new MeshError('invalid_config', `istio: addresses: "${wrong}" is no IP address`);
  required('the address of the pod', 'INSTANCE_IP', found[0]);
  return found;
}

/** `ISTIO_META_X=y` is metadata `X: y`; `ISTIO_METAJSON_…` holds several as a JSON object, as istio-agent takes them. */
function fromEnvironment(env: IstioSurroundings['env']): { [key: string]: unknown } {
  const metadata: { [key: string]: unknown } = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (name.startsWith(META)) metadata[name.slice(META.length)] = value;
    else if (name.startsWith(META_JSON)) Object.assign(metadata, jsonObject(name, value));
  }
  return metadata;
}

function jsonObject(name: string, text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw new MeshError('invalid_config', `${name} is no JSON: ${(cause as Error).message}`, { cause });
  }
  throw new MeshError('invalid_config', `${name} is no JSON object`);
}

/** A file of the downward API: `key="value"` by line, the value quoted as in Go. A pod without that volume has none. */
function readPairs(readFile: (path: string) => string, path: string): { readonly [key: string]: string } {
  let text: string;
  try {
    text = readFile(path);
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code === 'ENOENT') return {};
    throw new MeshError('invalid_config', `istio: ${path} cannot be read: ${(cause as Error).message}`, { cause });
  }
  const pairs: { [key: string]: string } = {};
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) pairs[line.slice(0, at)] = unquote(line.slice(at + 1));
  }
  return pairs;
}

/** Go's quoting is JSON's but for a few escapes; what JSON cannot read is kept as it stands. */
function unquote(text: string): string {
  try {
    return String(
      JSON.parse(
        text
          .replace(/\\x([\da-f]{2})/gi, '\\u00$1')
          .replace(/\\a/g, '\\u0007')
          .replace(/\\v/g, '\\u000b'),
      ),
    );
  } catch {
    return text.replace(/^"(.*)"$/, '$1');
  }
}

function localityOf([region = '', zone = '', subZone = '']: readonly string[]): NodeIdentity['locality'] {
  return region === '' ? NO_LOCALITY : { region, zone, subZone };
}
