import type { Area } from '../case.ts';
import { actions } from './actions.ts';
import { badInput } from './bad-input.ts';
import { basics } from './basics.ts';
import { bodies } from './bodies.ts';
import { connectionsHttp1 } from './connections-http1.ts';
import { connectionsHttp2 } from './connections-http2.ts';
import { connectionsNames } from './connections-names.ts';
import { connectionsProtocol } from './connections-protocol.ts';
import { connectionsSockets } from './connections-sockets.ts';
import { connectionsTls } from './connections-tls.ts';
import { connectionsUpgrades } from './connections-upgrades.ts';
import { failures } from './failures.ts';
import { filters } from './filters.ts';
import { filtersComposite } from './filters-composite.ts';
import { filtersOrigins } from './filters-origins.ts';
import { filtersRbac } from './filters-rbac.ts';
import { localReplies } from './local-replies.ts';
import { manager } from './manager.ts';
import { managerLimits } from './manager-limits.ts';
import { managerPaths } from './manager-paths.ts';
import { matchingConditions } from './matching-conditions.ts';
import { matchingPaths } from './matching-paths.ts';
import { matchingTree } from './matching-tree.ts';
import { resilience } from './resilience.ts';

/** All areas, in the order in which they are reported. A new file of cases gets its line here. */
export const areas: readonly Area[] = [
  basics,
  failures,
  matchingPaths,
  matchingConditions,
  matchingTree,
  actions,
  filters,
  filtersComposite,
  managerPaths,
  manager,
  managerLimits,
  localReplies,
  filtersOrigins,
  filtersRbac,
  badInput,
  bodies,
  resilience,
  connectionsSockets,
  connectionsTls,
  connectionsNames,
  connectionsProtocol,
  connectionsHttp1,
  connectionsHttp2,
  connectionsUpgrades,
];
