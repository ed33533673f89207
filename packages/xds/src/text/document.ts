import type { JsonValue } from '@bufbuild/protobuf';
import { MeshError } from '@inmesh/core';
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';

/** A place in a file; line and column count from 1. */
export interface Position {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** The way from the root of a document to a value: field names, map keys and list indices. */
export type DocumentPath = readonly (string | number)[];

/** YAML or JSON text as a plain value that still knows where each part of it was written. */
export interface TextDocument {
  /** What errors call the text: a file name, or the variable that held it. */
  readonly origin: string;
  /** The root value; null for empty text. */
  readonly value: JsonValue;
  /** The value at a path; undefined where there is none. */
  at(path: DocumentPath): JsonValue | undefined;
  /** Where a value starts; for `key`, where its name does. A path that does not exist gives its nearest parent. */
  positionOf(path: DocumentPath, part?: 'key' | 'value'): Position;
  /**
   * A `MeshError('invalid_config')` that names file, line, column and field, says what is wrong and what to do:
   * `mesh.yaml:3:7: node.id: must not be empty; give the node an id`.
   */
  error(path: DocumentPath, problem: string, remedy: string, options?: TextErrorOptions): MeshError;
}

export interface TextErrorOptions {
  /** Point at the name of the field instead of its value. Default `value`. */
  readonly part?: 'key' | 'value';
  readonly cause?: unknown;
}

/**
 * Parses YAML; JSON is a part of it and needs no second parser. Anchors and merge keys work as in Envoy's own files.
 * Throws `MeshError('invalid_config')` with file, line and column for text that is not one well-formed document.
 */
export function parseText(text: string, origin: string): TextDocument {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true, prettyErrors: false, stringKeys: false });
  const mistake = document.errors[0];
  if (mistake !== undefined) {
    const { line, col } = lines.linePos(mistake.pos[0]);
    throw textError({ file: origin, line, column: col }, '', firstLine(mistake.message), remedyFor(mistake.code));
  }
  return new ParsedDocument(origin, document, lines);
}

/** The error of every text that cannot be taken, in one form; `field` may be empty. */
export function textError(
  position: Position,
  field: string,
  problem: string,
  remedy: string,
  cause?: unknown,
): MeshError {
  const place = `${position.file}:${position.line}:${position.column}`;
  const message = `${place}: ${field === '' ? '' : `${field}: `}${problem}; ${remedy}`;
  return new MeshError('invalid_config', message, cause === undefined ? {} : { cause });
}

/** `['clusters', 0, 'name']` → `clusters[0].name`; keys that are not identifiers are quoted. */
export function pathText(path: DocumentPath): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w@-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `["${step}"]`;
  }
  return text;
}

class ParsedDocument implements TextDocument {
  readonly origin: string;
  readonly value: JsonValue;
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;

  constructor(origin: string, document: Document.Parsed, lines: LineCounter) {
    this.origin = origin;
    this.#document = document;
    this.#lines = lines;
    this.value = (document.toJS() ?? null) as JsonValue;
  }

  at(path: DocumentPath): JsonValue | undefined {
    let value: JsonValue | undefined = this.value;
    for (const step of path) {
      if (typeof value !== 'object' || value === null) return undefined;
      const members = value as { readonly [key: string]: JsonValue };
      if (!Object.hasOwn(members, step)) return undefined;
      value = members[step];
    }
    return value;
  }

  positionOf(path: DocumentPath, part: 'key' | 'value' = 'value'): Position {
    let node: Node | null = this.#document.contents;
    let offset = startOf(node) ?? 0;
    for (const [depth, step] of path.entries()) {
      const target: Node | null | undefined = isAlias(node) ? node.resolve(this.#document) : node;
      const last = depth === path.length - 1;
      if (isMap(target)) {
        const pair = findPair(target.items, String(step));
        if (pair === undefined) break;
        const key = startOf(pair.key as Node | null);
        node = pair.value as Node | null;
        offset = (last && part === 'key' ? key : (startOf(node) ?? key)) ?? offset;
      } else if (isSeq(target)) {
        node = (target.items[Number(step)] as Node | undefined) ?? null;
        if (node === null) break;
        offset = startOf(node) ?? offset;
      } else {
        break;
      }
    }
    const { line, col } = this.#lines.linePos(offset);
    return { file: this.origin, line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  error(path: DocumentPath, problem: string, remedy: string, options: TextErrorOptions = {}): MeshError {
    return textError(this.positionOf(path, options.part), pathText(path), problem, remedy, options.cause);
  }
}

/** Protobuf's JSON knows each field by two names, so `lb_endpoints` finds what was written as `lbEndpoints` too. */
function findPair<P extends Pair<unknown, unknown>>(pairs: readonly P[], name: string): P | undefined {
  return pairs.find((pair) => keyText(pair) === name) ?? pairs.find((pair) => keyText(pair) === camelCase(name));
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function keyText(pair: Pair<unknown, unknown>): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

function remedyFor(code: string): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'remove one of the two';
    case 'MULTIPLE_DOCS':
      return 'put each document into a file of its own';
    case 'TAB_AS_INDENT':
      return 'indent with spaces';
    case 'BAD_ALIAS':
      return 'define the anchor before it is used';
    default:
      return 'correct the YAML or JSON syntax here';
  }
}
