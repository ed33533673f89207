/** Dots from which on a name is looked up as it is before the search list: Kubernetes' `ndots`. */
const NDOTS = 5;

/**
 * The names that a host may stand for in a pod of a namespace, in the order in which its resolver tries them. `domain` is the
 * node's, `default.svc.cluster.local`: it is searched, then what stands above it.
 */
export function searchNames(host: string, domain: string): readonly string[] {
  const name = host.toLowerCase();
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const searched = searchList(domain).map((suffix) => `${name}.${suffix}`);
  return name.split('.').length > NDOTS ? [name, ...searched] : [...searched, name];
}

function searchList(domain: string): string[] {
  const svc = domain.indexOf('.svc.');
  if (domain === '') return [];
  return svc < 0 ? [domain] : [domain, domain.slice(svc + 1), domain.slice(svc + '.svc.'.length)];
}

/** The domain in a node id of Istio's, its fourth part; '' in any other. */
export function nodeDnsDomain(nodeId: string): string {
  return (nodeId.split('~')[3] ?? '').toLowerCase();
}
