import { parseSpiffeId } from '../spiffe-id.ts';

/** The trust domain that a bundle is for: its key is the ID of the domain; go-spiffe takes the bare name, too. Throws where it is neither. */
export function trustDomainOf(key: string): string {
  const id = parseSpiffeId(key.startsWith('spiffe:') ? key : `spiffe://${key}`);
  if (id === null) throw new Error(`a bundle is for "${key}", which is no trust domain`);
  return id.trustDomain;
}
