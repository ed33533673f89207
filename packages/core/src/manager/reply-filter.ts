import type { Call } from '../call.ts';
import { grpcStatusOf } from '../grpc.ts';
import { compileHeader } from '../match/header-match.ts';
import type { ReplyFilter, StatusComparison } from '../model/connection-manager.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Random } from '../util/random.ts';
import type { RegexEngine } from '../util/regex.ts';
import { isTraced, numberOf } from './trace-reason.ts';

/** Tells whether a mapper is for a local reply. */
export type ReplyTest = (call: Call, status: number) => boolean;

export interface ReplyFilterParts {
  readonly regex: RegexEngine;
  readonly runtime: Runtime;
  readonly random: Random;
}

export function compileReplyFilter(filter: ReplyFilter, parts: ReplyFilterParts): ReplyTest {
  switch (filter.kind) {
    case 'status_code':
      return statusTest(filter.compare, parts.runtime);
    case 'grpc_status': {
      const statuses = new Set(filter.statuses);
      return (_, status) => statuses.has(grpcStatusOf(status)) !== filter.exclude;
    }
    case 'header': {
      const matches = compileHeader(filter.match, parts.regex);
      return ({ head }) => matches(head);
    }
    case 'response_flag': {
      const wanted = new Set(filter.flags);
      return (call) => flagsOf(call).some((flag) => wanted.size === 0 || wanted.has(flag));
    }
    case 'runtime': {
      const { share, independent } = filter;
      const draw = () => Math.floor(parts.random() * 2 ** 32);
      return ({ head }) => {
        const number = independent ? null : numberOf(head.headers.get('x-request-id') ?? '');
        return parts.runtime.featureEnabled(share.runtimeKey, share.defaultValue, number ?? draw());
      };
    }
    case 'traceable':
      return ({ head }) => isTraced(head.headers.get('x-request-id'));
    case 'not_health_check':
      return () => true;
    case 'and':
    case 'or': {
      const tests = filter.filters.map((each) => compileReplyFilter(each, parts));
      if (filter.kind === 'and') return (call, status) => tests.every((test) => test(call, status));
      return (call, status) => tests.some((test) => test(call, status));
    }
  }
}

function statusTest({ op, value, runtimeKey }: StatusComparison, runtime: Runtime): ReplyTest {
  return (_, status) => {
    const bound = runtimeKey === '' ? value : runtime.integer(runtimeKey, value);
    if (op === 'eq') return status === bound;
    if (op === 'ne') return status !== bound;
    return op === 'ge' ? status >= bound : status <= bound;
  };
}

function flagsOf({ failure, flags }: Call): string[] {
  const own = failure?.flag.split(',').filter((flag) => flag !== '-') ?? [];
  return failure === null && flags !== null ? [...flags, ...own] : own;
}
