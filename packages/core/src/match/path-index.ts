import type { Head } from '../call.ts';
import type { PathMatch, Route } from '../model/route.ts';
import { asciiLower, asOnTheWire } from '../util/ascii.ts';
import { Bucket, type HeaderKey, headerKey, type Positions } from './bucket.ts';
import { literalPrefix } from './literal-prefix.ts';

/**
 * Narrows the routes down to those that a call may be for, by how their paths begin: a radix tree of their literal beginnings; and by a header
 * where many begin alike. Whether one of these matches is not said; that one which is left out does not, is certain.
 */
export class PathIndex {
  readonly #byCase = new Node('');
  /** Of routes that do not look at letter case; null where there are none. */
  readonly #anyCase: Node | null;

  constructor(routes: readonly Pick<Route, 'path' | 'conditions'>[]) {
    let anyCase: Node | null = null;
    for (const [position, { path }] of routes.entries()) {
      const { literal, whole } = beginning(path);
      if (path?.caseSensitive === false && isLiteral(path)) {
        anyCase ??= new Node('');
        insert(anyCase, asciiLower(asOnTheWire(literal)), whole, position);
      } else insert(this.#byCase, asOnTheWire(literal), whole, position);
    }
    this.#anyCase = anyCase;
    const keys = routes.map(({ conditions }) => headerKey(conditions));
    fill(this.#byCase, keys);
    if (anyCase !== null) fill(anyCase, keys);
  }

  /** Writes the lists of candidates into `lists`, and gives their number. `path` is that of the head, as routes look at it. */
  candidates(head: Head, path: string, lists: Positions[]): number {
    const count = descend(this.#byCase, path, head, lists, 0);
    return this.#anyCase === null ? count : descend(this.#anyCase, asciiLower(path), head, lists, count);
  }
}

/** How each path of a route begins; `whole`: it has nothing else. */
function beginning(path: PathMatch | null): { readonly literal: string; readonly whole: boolean } {
  switch (path?.kind) {
    case 'path':
      return { literal: path.value, whole: true };
    case 'prefix':
    case 'path_separated_prefix':
      return { literal: path.value, whole: false };
    case 'safe_regex':
      return { literal: literalPrefix(path.value), whole: false };
    default:
      return { literal: '', whole: false };
  }
}

function isLiteral({ kind }: PathMatch): boolean {
  return kind === 'path' || kind === 'prefix' || kind === 'path_separated_prefix';
}

class Node {
  label: string;
  children: Map<number, Node> | null = null;
  /** Routes whose paths begin with what leads here, and those whose path is that. */
  readonly begun: number[] = [];
  readonly whole: number[] = [];
  /** The same, once all are there; null for none. */
  begunBy: Bucket | null = null;
  wholeBy: Bucket | null = null;

  constructor(label: string) {
    this.label = label;
  }
}

function insert(root: Node, literal: string, whole: boolean, position: number): void {
  let node = root;
  let at = 0;
  while (at < literal.length) {
    node.children ??= new Map();
    const code = literal.charCodeAt(at);
    const child = node.children.get(code);
    if (child === undefined) {
      const leaf = new Node(literal.slice(at));
      node.children.set(code, leaf);
      node = leaf;
      break;
    }
    const shared = sharedLength(child.label, literal, at);
    if (shared < child.label.length) {
      const upper = new Node(child.label.slice(0, shared));
      child.label = child.label.slice(shared);
      upper.children = new Map([[child.label.charCodeAt(0), child]]);
      node.children.set(code, upper);
      node = upper;
    } else node = child;
    at += shared;
  }
  (whole ? node.whole : node.begun).push(position);
}

function fill(node: Node, keys: readonly (HeaderKey | null)[]): void {
  if (node.begun.length > 0) node.begunBy = new Bucket(node.begun, keys);
  if (node.whole.length > 0) node.wholeBy = new Bucket(node.whole, keys);
  for (const child of node.children?.values() ?? []) fill(child, keys);
}

function sharedLength(label: string, literal: string, at: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === literal.charCodeAt(at + length)) length++;
  return length;
}

function descend(root: Node, path: string, head: Head, lists: Positions[], found: number): number {
  let count = found;
  let node = root;
  let at = 0;
  for (;;) {
    if (node.begunBy !== null) count = node.begunBy.collect(head, lists, count);
    if (at === path.length) {
      return node.wholeBy === null ? count : node.wholeBy.collect(head, lists, count);
    }
    const child = node.children?.get(path.charCodeAt(at));
    if (child === undefined || !path.startsWith(child.label, at)) return count;
    at += child.label.length;
    node = child;
  }
}
