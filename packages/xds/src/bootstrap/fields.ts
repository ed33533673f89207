import type { JsonValue } from '@bufbuild/protobuf';
import type { DocumentPath, TextDocument } from '../text/index.ts';
import type { JsonObject } from './bootstrap.ts';

/** Typed reads from a document that has no schema; whatever has the wrong type becomes an error with its place. */
export class Fields {
  readonly document: TextDocument;
  readonly path: DocumentPath;

  constructor(document: TextDocument, path: DocumentPath = []) {
    this.document = document;
    this.path = path;
  }

  /** True where the field is there and not null. */
  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  string(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === 'string') return value;
    throw this.error(name, 'is not a string', 'put the value in quotes');
  }

  /** A string that must be there and must not be empty. */
  requiredString(name: string, remedy: string): string {
    const value = this.string(name);
    if (value === undefined || value === '') throw this.error(name, 'is missing', remedy);
    return value;
  }

  strings(name: string): string[] {
    return this.#items(name).map((item, index) => {
      if (typeof item !== 'string') throw this.#errorAt([name, index], 'is not a string', 'put the value in quotes');
      return item;
    });
  }

  object(name: string): JsonObject | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (isObject(value)) return value;
    throw this.error(name, 'is not an object', 'write names with values here');
  }

  /** The fields of an object; an absent one reads as empty. */
  inside(name: string): Fields {
    this.object(name);
    return new Fields(this.document, [...this.path, name]);
  }

  /** The fields of each object of a list. */
  each(name: string): Fields[] {
    return this.#items(name).map((item, index) => {
      if (!isObject(item)) throw this.#errorAt([name, index], 'is not an object', 'write names with values here');
      return new Fields(this.document, [...this.path, name, index]);
    });
  }

  /** The fields of each member of an object, by key. */
  entries(name: string): [string, Fields][] {
    const inside = this.inside(name);
    return Object.keys(this.object(name) ?? {}).map((key) => [key, inside.inside(key)]);
  }

  /** Milliseconds from protobuf's JSON duration, such as `900s`. */
  durationMs(name: string): number | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    const match = /^(\d+(?:\.\d{1,9})?)s$/.exec(text);
    if (match === null) throw this.error(name, `"${text}" is no duration`, 'write seconds with an s, such as 600s');
    return Number(match[1]) * 1000;
  }

  error(name: string, problem: string, remedy: string): ReturnType<TextDocument['error']> {
    return this.#errorAt([name], problem, remedy);
  }

  #errorAt(steps: DocumentPath, problem: string, remedy: string): ReturnType<TextDocument['error']> {
    return this.document.error([...this.path, ...steps], problem, remedy);
  }

  #value(name: string): JsonValue | undefined {
    return this.document.at([...this.path, name]) ?? undefined;
  }

  #items(name: string): JsonValue[] {
    const value = this.#value(name);
    if (value === undefined) return [];
    if (Array.isArray(value)) return value;
    throw this.error(name, 'is not a list', 'write a list, also for a single item');
  }
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
