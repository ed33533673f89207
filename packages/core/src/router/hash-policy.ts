import type { Call } from '../call.ts';
import { cookie } from '../match/cookie.ts';
import { queryParameter } from '../match/query.ts';
import type { HashPolicy } from '../model/hash-policy.ts';
import type { Random } from '../util/random.ts';
import type { RegexEngine } from '../util/regex.ts';
import { xxHash64 } from '../util/xx-hash.ts';

/** The hash of a call, unsigned in 64 bits; null where nothing of the call has one. */
export type CallHasher = (call: Call) => bigint | null;

const MASK = 0xffff_ffff_ffff_ffffn;

export interface HashParts {
  readonly regex: RegexEngine;
  readonly random: Random;
}

/**
 * All policies together, as Envoy puts them together: each turns what came before by a bit, so that two alike do not cancel each other
 * out. Null for no policy.
 */
export function compileHashPolicies(policies: readonly HashPolicy[], parts: HashParts): CallHasher | null {
  if (policies.length === 0) return null;
  const compiled = policies.map((policy) => ({ hash: compileOne(policy, parts), terminal: policy.terminal }));
  return (call) => {
    let hash: bigint | null = null;
    for (const each of compiled) {
      const next = each.hash(call);
      if (next !== null) hash = next ^ (hash === null ? 0n : ((hash << 1n) & MASK) | (hash >> 63n));
      if (each.terminal && hash !== null) break;
    }
    return hash;
  };
}

function compileOne(policy: HashPolicy, { regex, random }: HashParts): CallHasher {
  switch (policy.kind) {
    case 'header': {
      const { name, rewrite } = policy;
      const replace = rewrite === null ? null : regex.compile(rewrite.pattern).replacer(rewrite.substitution);
      return ({ head }) => {
        const values = headerValues(head.headers.flat(), name);
        if (name === ':path') values.push(head.path);
        else if (name === ':authority' || name === 'host') values.push(head.authority);
        else if (name === ':method') values.push(head.method);
        return hashOf(replace === null ? values : values.map(replace));
      };
    }
    case 'cookie':
      return cookieHasher(policy, random);
    case 'source_ip':
      return () => null;
    case 'query_parameter': {
      const { name } = policy;
      return ({ head }) => hashOf([queryParameter(head.path, name) ?? '']);
    }
    case 'filter_state': {
      const { key } = policy;
      return ({ filterState }) => {
        const value = filterState?.get(key);
        return typeof value === 'string' ? hashOf([value]) : null;
      };
    }
  }
}

/** In order, so that the order in which they came does not matter. Nothing that is empty has a hash. */
function hashOf(values: string[]): bigint | null {
  if (values.length === 0 || (values.length === 1 && values[0] === '')) return null;
  let hash = 0n;
  for (const value of values.sort()) hash = xxHash64(Buffer.from(value, 'latin1'), hash);
  return hash;
}

function headerValues(pairs: readonly string[], name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    if ((pairs[i] as string).toLowerCase() === name) values.push(pairs[i + 1] as string);
  }
  return values;
}

/** A call that has no cookie gets one with its answer, so that the next call comes to the same endpoint. */
function cookieHasher(policy: HashPolicy & { readonly kind: 'cookie' }, random: Random): CallHasher {
  const { name, ttlMs, path, attributes } = policy;
  return (call) => {
    const known = cookie(call.head.headers, name) ?? '';
    if (known !== '' || ttlMs === null) return hashOf([known]);
    const value = Array.from({ length: 4 }, () => hex(random)).join('');
    call.cookies ??= [];
    call.cookies.push(setCookie(name, value, ttlMs, path, attributes));
    return hashOf([value]);
  };
}

function hex(random: Random): string {
  return Math.floor(random() * 0x1_0000)
    .toString(16)
    .padStart(4, '0');
}

function setCookie(
  name: string,
  value: string,
  ttlMs: number,
  path: string,
  attributes: readonly (readonly [string, string])[],
): string {
  const parts = [`${name}="${value}"`];
  if (ttlMs > 0) parts.push(`Max-Age=${Math.floor(ttlMs / 1000)}`);
  if (path !== '') parts.push(`Path=${path}`);
  for (const [key, said] of attributes) parts.push(said === '' ? key : `${key}=${said}`);
  parts.push('HttpOnly');
  return parts.join('; ');
}
