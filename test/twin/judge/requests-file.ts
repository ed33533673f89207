import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { Answer, Pair } from '../case.ts';
import { readRequestLine } from '../request-line.ts';
import type { AnyAsk } from '../run-case.ts';
import { isObject, type JsonObject } from './feed-folder.ts';

/** A request from outside, ready to be sent. */
export interface JudgedRequest extends AnyAsk {
  /** As it is shown in the report. */
  readonly title: string;
  /** Name of the feed's listener; null: found by the authority. */
  readonly listener: string | null;
}

/** Reads requests: a list, or a list under `requests`, in YAML or JSON. README.md says what each may be. */
export function readRequests(file: string): JudgedRequest[] {
  const content: unknown = parse(readFileSync(file, 'utf8'), { merge: true });
  const list = Array.isArray(content) ? content : isObject(content) ? content.requests : null;
  if (!Array.isArray(list) || list.length === 0) throw new Error(`${file} has no list of requests`);
  return list.map((each: unknown, index) => {
    try {
      return readRequest(each);
    } catch (error) {
      throw new Error(`${file}: requests[${index}]: ${(error as Error).message}`);
    }
  });
}

function readRequest(value: unknown): JudgedRequest {
  if (typeof value === 'string') return fromLine(value, {});
  if (!isObject(value)) throw new Error('is neither a line nor an object');
  if (typeof value.line === 'string') return fromLine(value.line, value);
  const url = typeof value.url === 'string' ? /^(?:http:\/\/)?([^/?]*)(.*)$/.exec(value.url) : null;
  const authority = String(value.authority ?? value.host ?? url?.[1] ?? '');
  const path = String(value.path ?? url?.[2] ?? '') || '/';
  if (authority === '') {
    // To YAML `- GET /a [b: c]` is a mapping.
    const unquoted = Object.keys(value).some((key) => /^[A-Z]+ /.test(key));
    throw new Error(
      unquoted
        ? 'is no line to YAML, because of ": " in it: put it in quotes'
        : 'has no authority: give "line", "url", or "authority" and "path"',
    );
  }
  const method = String(value.method ?? 'GET');
  return {
    title: `${method} ${authority}${path}`,
    method,
    authority,
    path,
    expected: null,
    ...beside(value, [], null),
  };
}

function fromLine(line: string, value: JsonObject): JudgedRequest {
  const { request, expected } = readRequestLine(line);
  const { method, authority, path, headers, body } = request;
  return { title: line, method, authority, path, expected, ...beside(value, headers, body) };
}

function beside(value: JsonObject, headers: readonly Pair[], own: string | null) {
  const { listener, body, answer, times, split } = value;
  return {
    listener: typeof listener === 'string' ? listener : null,
    headers: [...headers, ...headersOf(value.headers)],
    body: typeof body === 'string' ? body : own,
    ...(answer === undefined ? {} : { answer: answer as unknown as Answer | readonly Answer[] }),
    ...(typeof times === 'number' ? { times } : {}),
    ...(isObject(split) ? { split: split as unknown as Record<string, number> } : {}),
  };
}

/** Pairs, or a mapping whose values may be lists. */
function headersOf(value: unknown): Pair[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value.map((pair) => [String(pair[0]), String(pair[1])]);
  if (!isObject(value)) throw new Error('headers are neither a list of pairs nor a mapping');
  return Object.entries(value).flatMap(([name, each]) =>
    (Array.isArray(each) ? each : [each]).map((one): Pair => [name, String(one)]),
  );
}
