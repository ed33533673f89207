import type { Call } from '../../call.ts';
import { clusterNameOf } from '../cluster-name.ts';
import type { DescriptorAction, DescriptorEntry } from './config.ts';

/** One text for what a descriptor says, so that equal ones are found by it. */
export function descriptorKey(entries: readonly DescriptorEntry[]): string {
  return JSON.stringify(entries.map(({ key, value }) => [key, value]));
}

/** What a call says of itself by one entry of `rate_limits`; null where an action has nothing to say. */
export function describeCall(call: Call, actions: readonly DescriptorAction[]): readonly DescriptorEntry[] | null {
  const entries: DescriptorEntry[] = [];
  for (const action of actions) {
    const entry = entryOf(call, action);
    if (entry === null) return null;
    if (entry !== 'skipped') entries.push(entry);
  }
  return entries.length === 0 ? null : entries;
}

function entryOf(call: Call, action: DescriptorAction): DescriptorEntry | 'skipped' | null {
  switch (action.kind) {
    case 'generic_key':
      return { key: action.key, value: action.value };
    case 'destination_cluster': {
      const value = clusterNameOf(call);
      return value === null ? null : { key: 'destination_cluster', value };
    }
    case 'request_headers': {
      const value = call.head.headers.get(action.header);
      if (value === undefined) return action.skipIfAbsent ? 'skipped' : null;
      return { key: action.key, value };
    }
    case 'query_parameters': {
      const value = parameterOf(call.head.path, action.parameter);
      if (value === null) return action.skipIfAbsent ? 'skipped' : null;
      return { key: action.key, value };
    }
  }
}

function parameterOf(path: string, name: string): string | null {
  const mark = path.indexOf('?');
  if (mark < 0) return null;
  for (const pair of path.slice(mark + 1).split('&')) {
    const equals = pair.indexOf('=');
    if ((equals < 0 ? pair : pair.slice(0, equals)) === name) return equals < 0 ? '' : pair.slice(equals + 1);
  }
  return null;
}
