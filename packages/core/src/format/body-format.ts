import type { BodyFormat, JsonTemplate } from '../model/body-format.ts';
import { compileFormat, compileValue } from './format.ts';
import type { Shown } from './shown.ts';

/** Makes the body of an answer. Throws a `FormatError` for what is no format. */
export function compileBodyFormat(format: BodyFormat): (shown: Shown) => string {
  if (format.kind === 'text') return compileFormat(format.text, format.omitEmptyValues ? '' : '-');
  const value = compileJson(format.json, format.omitEmptyValues);
  return (shown) => `${JSON.stringify(value(shown))}\n`;
}

type JsonMaker = (shown: Shown) => unknown;

/** Keys in the order of the alphabet, as Envoy writes them. */
function compileJson(template: JsonTemplate, omit: boolean): JsonMaker {
  if (typeof template === 'string') return compileValue(template, omit ? '' : '-');
  if (typeof template !== 'object' || template === null) return () => template;
  if (Array.isArray(template)) {
    const items = template.map((each: JsonTemplate) => compileJson(each, omit));
    return (shown) => items.map((make) => make(shown)).filter((value) => !omit || value !== null);
  }
  const entries = Object.entries(template)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, each]) => [key, compileJson(each, omit)] as const);
  return (shown) => {
    const object: Record<string, unknown> = {};
    for (const [key, make] of entries) {
      const value = make(shown);
      if (!omit || value !== null) object[key] = value;
    }
    return object;
  };
}
