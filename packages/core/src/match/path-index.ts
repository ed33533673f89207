import type { PathMatch } from '../model/route.ts';
import { asciiLower, asOnTheWire } from '../util/ascii.ts';
import { literalPrefix } from './literal-prefix.ts';

/** Positions of routes, in order. */
export type Positions = readonly number[];

/**
 * Narrows the routes down to those that a path may be for, by how they begin: a radix tree of their literal beginnings. Whether one of
 * these matches is not said; that one which is left out does not, is certain.
 */
export class PathIndex {
  readonly #byCase = new Node('');
  /** Of routes that do not look at letter case; null where there are none. */
  readonly #anyCase: Node | null;

  constructor(paths: readonly (PathMatch | null)[]) {
    let anyCase: Node | null = null;
    for (const [position, path] of paths.entries()) {
      const { literal, whole } = beginning(path);
      if (path?.caseSensitive === false && isLiteral(path)) {
        anyCase ??= new Node('');
        insert(anyCase, asciiLower(asOnTheWire(literal)), whole, position);
      } else insert(this.#byCase, asOnTheWire(literal), whole, position);
    }
    this.#anyCase = anyCase;
  }

  /** Writes the lists of candidates into `lists`, and gives their number. Every position is in one list at most. */
  candidates(path: string, lists: Positions[]): number {
    const count = descend(this.#byCase, path, lists, 0);
    return this.#anyCase === null ? count : descend(this.#anyCase, asciiLower(path), lists, count);
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
  /** Routes whose paths begin with what leads here. */
  begun: number[] | null = null;
  /** Routes whose path is what leads here. */
  whole: number[] | null = null;

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
  if (whole) {
    node.whole ??= [];
    node.whole.push(position);
  } else {
    node.begun ??= [];
    node.begun.push(position);
  }
}

function sharedLength(label: string, literal: string, at: number): number {
  let length = 0;
  while (length < label.length && label.charCodeAt(length) === literal.charCodeAt(at + length)) length++;
  return length;
}

function descend(root: Node, path: string, lists: Positions[], found: number): number {
  let count = found;
  let node = root;
  let at = 0;
  for (;;) {
    if (node.begun !== null) lists[count++] = node.begun;
    if (at === path.length) {
      if (node.whole !== null) lists[count++] = node.whole;
      return count;
    }
    const child = node.children?.get(path.charCodeAt(at));
    if (child === undefined || !path.startsWith(child.label, at)) return count;
    at += child.label.length;
    node = child;
  }
}
