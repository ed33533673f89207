import type { Call } from '../call.ts';
import { MeshError } from '../errors.ts';

/** Why a request must not change its protocol: neither its route nor the connection manager allows it. Null where it may, or does not want to. */
export function upgradeRefusal({ head, route, table }: Call): MeshError | null {
  if (head.upgrade === null) return null;
  const protocol = head.upgrade.toLowerCase();
  const action = route?.config.action;
  const said = action?.kind === 'forward' ? action.upgrades[protocol] : undefined;
  const upgrades = table?.listener.http?.upgrades ?? {};
  if (said ?? upgrades[protocol] ?? upgrades['*'] ?? false) return null;
  return new MeshError('invalid_request', `the feed allows no upgrade to ${protocol} here (upgrade_configs)`, {
    authority: head.authority,
    ...(table === null ? {} : { listener: table.listener.name }),
    ...(route === null ? {} : { route: route.label }),
    status: 403,
    body: '',
    flag: '-',
    details: 'upgrade_failed',
  });
}
