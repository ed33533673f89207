import type { Case } from '../case.ts';

/**
 * A case about one match: the requests of `yes` must be for its route (answered 201), those of `no` for the one behind it (202). Requests
 * are written without the arrow.
 */
export function yesNo(name: string, match: string, yes: readonly string[], no: readonly string[]): Case {
  return {
    name,
    routes: `
      - { match: ${match}, direct_response: { status: 201 } }
      - { match: { prefix: '' }, direct_response: { status: 202 } }`,
    requests: [...yes.map((line) => `${line} -> 201`), ...no.map((line) => `${line} -> 202`)],
  };
}

/** A match that both sides must refuse, for a reason in which `reason` occurs. */
export function refusedMatch(name: string, match: string, reason: string): Case {
  return { name, routes: `[{ match: ${match}, direct_response: { status: 201 } }]`, requests: [], refused: reason };
}
