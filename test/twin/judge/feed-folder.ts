import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A value of JSON, before anybody looked at it. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

/** All resources of a folder of the embedded control plane's kind: files with a list `resources`, each with its `@type`. */
export function readFeed(folder: string): JsonObject[] {
  const files = readdirSync(folder)
    .filter((name) => /^[^.].*\.(ya?ml|json)$/i.test(name))
    .sort();
  if (files.length === 0) throw new Error(`${folder} has no YAML or JSON file; put the feed's resources there`);
  return files.flatMap((name) => {
    const file = join(folder, name);
    const content = parse(readFileSync(file, 'utf8'), { merge: true }) as { resources?: unknown } | null;
    const resources = content?.resources;
    if (!Array.isArray(resources)) throw new Error(`${file} has no list "resources"`);
    return resources.map((each: unknown, index) => {
      if (isObject(each) && typeof each['@type'] === 'string') return each;
      throw new Error(`${file}: resources[${index}] has no "@type"`);
    });
  });
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A field under either of the two names that Protobuf's JSON knows it by. */
export function field(object: Json | undefined, name: string): Json | undefined {
  if (!isObject(object)) return undefined;
  return object[name] ?? object[camelCase(name)];
}

/** The object with another value of a field, whichever way it was written; undefined takes it out. */
export function withField(object: JsonObject, name: string, value: Json | undefined): JsonObject {
  const { [name]: _snake, [camelCase(name)]: _camel, ...rest } = object;
  return value === undefined ? rest : { ...rest, [name]: value };
}

export function listOf(value: Json | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
