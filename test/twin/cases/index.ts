import type { Area } from '../case.ts';
import { actions } from './actions.ts';
import { basics } from './basics.ts';
import { failures } from './failures.ts';
import { filters } from './filters.ts';

/** All areas, in the order in which they are reported. A new file of cases gets its line here. */
export const areas: readonly Area[] = [basics, failures, actions, filters];
