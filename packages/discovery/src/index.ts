export { type DnsResolverOptions, dnsResolver } from './dns.ts';
