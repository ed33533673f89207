import { asciiLower } from '../util/ascii.ts';

/**
 * Whether a DNS name of a certificate stands for this host, as Envoy compares them: any case; a `*` in the first label, alone or with
 * what stands around it, covers what one label can hold, and no further one. A label in the ASCII form of another script (`xn--`) is
 * no pattern. (Utility::dnsNameMatch)
 */
export function dnsNameCovers(name: string, host: string): boolean {
  const wanted = asciiLower(host);
  const pattern = asciiLower(name);
  if (pattern === wanted) return true;
  const patternDot = pattern.indexOf('.');
  const dot = wanted.indexOf('.');
  if (patternDot < 0 || dot < 0) return false;
  const label = pattern.slice(0, patternDot);
  const domain = pattern.slice(patternDot);
  if (!label.includes('*') || domain.includes('*') || label.startsWith('xn--')) return false;
  return wanted.slice(dot) === domain && labelCovers(label, wanted.slice(0, dot));
}

function labelCovers(pattern: string, label: string): boolean {
  if (pattern === '*') return true;
  const [before = '', after = '', ...more] = pattern.split('*');
  return more.length === 0 && pattern.length <= label.length + 1 && label.startsWith(before) && label.endsWith(after);
}
