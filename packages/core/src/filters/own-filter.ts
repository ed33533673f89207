import { thisContext } from '../util/outside.ts';
import type { FilterFactory, FilterType, HttpFilter } from './filter.ts';

/**
 * A filter of the application's own: hooks that serve all calls, or, where it has a configuration or keeps state of a call, a row of the
 * table, which is handed the configuration as it came (`RawFilterConfig`). All its hooks run in the async context of their call.
 */
export type OwnFilter = HttpFilter | FilterType;

export function asFilterType(own: OwnFilter): FilterType {
  if ('compile' in own) return { ...own, compile: (...given) => inContext(own.compile(...given)) };
  const factory = inContext({ create: () => own });
  return { compile: () => factory };
}

/** The request comes in its caller's context; what is told of the response is told from that of a connection, which others share. */
function inContext(factory: FilterFactory | null): FilterFactory | null {
  if (factory === null || factory.choose !== undefined) return factory;
  return {
    create: (call) => {
      const filter = factory.create(call);
      return filter === null ? null : bound(filter);
    },
  };
}

function bound(filter: HttpFilter): HttpFilter {
  const { onRequestHeaders, onResponseHeaders, onResponseData, onResponseTrailers, onDone } = filter;
  const asked = onRequestHeaders === undefined ? {} : { onRequestHeaders: onRequestHeaders.bind(filter) };
  if (!(onResponseHeaders ?? onResponseData ?? onResponseTrailers ?? onDone)) return filter;
  const within = thisContext();
  return {
    ...asked,
    ...(onResponseHeaders && {
      onResponseHeaders: (callbacks, response) => within(() => onResponseHeaders.call(filter, callbacks, response)),
    }),
    ...(onResponseData && {
      onResponseData: (callbacks, chunk) => within(() => onResponseData.call(filter, callbacks, chunk)),
    }),
    ...(onResponseTrailers && {
      onResponseTrailers: (callbacks, trailers) => within(() => onResponseTrailers.call(filter, callbacks, trailers)),
    }),
    ...(onDone && { onDone: () => within(() => onDone.call(filter)) }),
  };
}
