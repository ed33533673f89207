import { splitRepeated } from '../wire/repeated.ts';
import { holdsSecrets } from './secrets.ts';

const ROUTES = 'envoy.config.route.v3.RouteConfiguration';

/** Bytes of routes that are looked through at once: some 2 ms of work. */
const atOnce = 16 * 1024;

/** As `holdsSecrets`, host by host where the routes are many: a sidecar's feed has those of all hosts of a port in one resource. */
export function* holdsSecretsInSteps(typeName: string, bytes: Uint8Array): Generator<undefined, boolean, undefined> {
  // Field 2: virtual_hosts.
  const split = typeName === ROUTES && bytes.length > atOnce ? splitRepeated(bytes, 2) : null;
  if (split === null) return holdsSecrets(typeName, bytes);
  for (let at = 0; at < split.spans.length; at += 2) {
    const host = bytes.subarray(split.spans[at], split.spans[at + 1]);
    if (holdsSecrets('envoy.config.route.v3.VirtualHost', host)) return true;
    yield;
  }
  return holdsSecrets(typeName, split.rest);
}
