import type { MatcherNode, OnMatch } from '../model/matcher-tree.ts';

/** The same tree with what `map` makes of each action. */
export function mapActions<From, To>(node: MatcherNode<From>, map: (action: From) => To): MatcherNode<To> {
  const follow = (onMatch: OnMatch<From>): OnMatch<To> =>
    onMatch.kind === 'action'
      ? { ...onMatch, action: map(onMatch.action) }
      : { ...onMatch, matcher: mapActions(onMatch.matcher, map) };
  const onNoMatch = node.onNoMatch === null ? null : follow(node.onNoMatch);
  if (node.kind === 'list') {
    const matchers = node.matchers.map(({ predicate, onMatch }) => ({ predicate, onMatch: follow(onMatch) }));
    return { kind: 'list', matchers, onNoMatch };
  }
  return { ...node, map: new Map([...node.map].map(([key, onMatch]) => [key, follow(onMatch)])), onNoMatch };
}
