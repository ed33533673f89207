import type { ClusterCertificates } from './tls-contexts.ts';

const DAY_MS = 86_400_000;
/** Envoy's, where nothing expires. */
const NEVER = 2 ** 32 - 1;

/**
 * When certificates end, under Envoy's names: `server.days_until_first_cert_expiring` of all, and for each cluster and certificate
 * `ssl.certificate.<name>.expiration_unix_time_seconds`. That of several roots of one name is of the first to end.
 */
export function certificateGauges(
  clusters: readonly ClusterCertificates[],
  wallNow: number,
): { readonly [gauge: string]: number } {
  const gauges: Record<string, number> = {};
  let first = Number.POSITIVE_INFINITY;
  for (const { cluster, own, roots } of clusters) {
    for (const { name, notAfter } of [...own, ...roots]) {
      const gauge = `cluster.${cluster}.ssl.certificate.${name}.expiration_unix_time_seconds`;
      gauges[gauge] = Math.min(gauges[gauge] ?? Number.POSITIVE_INFINITY, Math.floor(notAfter / 1000));
      first = Math.min(first, notAfter);
    }
  }
  const days = first === Number.POSITIVE_INFINITY ? NEVER : Math.max(0, Math.floor((first - wallNow) / DAY_MS));
  return { 'server.days_until_first_cert_expiring': days, ...gauges };
}
