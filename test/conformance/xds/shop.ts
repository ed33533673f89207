import type { ResourceInput } from '@inmesh/control-plane';
import { type Mesh, meshErrorOf } from 'inmesh';
import { apiListener, cluster, endpoints, virtualHost } from '../../support/feed.ts';
import { Scene } from '../../support/scene.ts';
import { startHttp } from '../../support/servers.ts';

export type Fields = Record<string, unknown>;

/** Routes of the service `shop:80` over two upstreams: what one of them answers is its name. */
export async function shop(
  more: (ports: { readonly one: number; readonly two: number }) => readonly ResourceInput[],
): Promise<{ readonly made: Scene; readonly mesh: Mesh }> {
  const one = await startHttp((_, response) => response.end('one'));
  const two = await startHttp((_, response) => response.end('two'));
  const made = await Scene.start(more({ one: one.port, two: two.port }));
  made.use(one);
  made.use(two);
  return { made, mesh: await made.mesh() };
}

export const upstreams = ({ one, two }: { readonly one: number; readonly two: number }): ResourceInput[] => [
  cluster('one'),
  endpoints('one', [one]),
  cluster('two'),
  endpoints('two', [two]),
];
export const to = (name: string, match: Fields = { prefix: '/' }, action: Fields = {}): Fields => ({
  match,
  route: { cluster: name, ...action },
});
export const listener = (...list: Fields[]): ResourceInput =>
  apiListener('shop:80', [virtualHost('shop', list as never)]);

export async function answer(call: Promise<Response>): Promise<string> {
  const response = await call;
  const text = await response.text();
  return response.status === 200 ? text : `${response.status} ${meshErrorOf(response)?.flag ?? '-'}`;
}
