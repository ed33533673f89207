import { MeshError } from '@inmesh/core';

/** The URL of a service as its users write it. Throws a MeshError where it is none. */
export function serviceUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === 'http:') return url;
  throw new MeshError('invalid_config', `services: "${text}" is no http URL; write http://reviews:9080`);
}

/** The port that a URL names or means. */
export function portOf({ port, protocol }: URL): number {
  return port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
}
