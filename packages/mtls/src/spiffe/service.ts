/** The package of the API has no name. */
export const SERVICE = 'SpiffeWorkloadAPI';

/** Keeps a server-side request forgery from reaching the endpoint: such a request cannot choose its headers. (SPIFFE Workload Endpoint, section 3) */
export const SECURITY_HEADER: Readonly<Record<string, string>> = { 'workload.spiffe.io': 'true' };
