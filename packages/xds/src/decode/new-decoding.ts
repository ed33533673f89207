import type { RegexEngine } from '@inmesh/core';
import { re2 } from '../regex/re2.ts';
import { structuralValidator } from '../validate/index.ts';
import type { Decoding } from './decoding.ts';
import type { FilterTable } from './filters/row.ts';
import { httpFilters } from './filters/table.ts';

/** Validation rules are compiled once for each: make one per mesh and keep it. */
export function newDecoding(regex: RegexEngine = re2(), filters: FilterTable = httpFilters): Decoding {
  return { validate: structuralValidator(), regex, filters };
}
