import assert from 'node:assert/strict';
import type { SubjectAltNameMatcher } from '../model/secret.ts';
import { noRegex, type RegexEngine, RegexError } from '../util/regex.ts';
import { compileSubjectAltNames, namesInclude, type SubjectAltName } from './subject-alt-names.ts';

const engine: RegexEngine = {
  compile: (pattern) => ({
    matches: (text) => new RegExp(`^(?:${pattern})$`).test(text),
    groups: () => null,
    names: {},
    replacer: () => (text) => text,
  }),
};
const dns = (value: string): SubjectAltName => ({ type: 'dns', value, oid: '' });
const uri = (value: string): SubjectAltName => ({ type: 'uri', value, oid: '' });
const of = (more: Partial<SubjectAltNameMatcher>): SubjectAltNameMatcher => ({
  sanType: null,
  match: 'exact',
  value: '',
  ignoreCase: false,
  oid: '',
  ...more,
});

const other = of({ sanType: 'other_name', value: 'x', oid: '1.2.3' });

describe('names of a certificate', () => {
  const cases: [string, SubjectAltNameMatcher, SubjectAltName, boolean][] = [
    ['exact', of({ value: 'istiod' }), dns('istiod'), true],
    ['exact, another', of({ value: 'istiod' }), dns('istiod2'), false],
    ['exact DNS, another case', of({ value: 'Istiod' }), dns('istioD'), true],
    ['exact URI, another case', of({ value: 'spiffe://TD' }), uri('spiffe://td'), false],
    ['another case beyond ASCII', of({ value: 'É', ignoreCase: true, sanType: 'uri' }), uri('\xc3\xa9'), false],
    ['bytes beyond ASCII', of({ value: 'é', sanType: 'uri' }), uri('\xc3\xa9'), true],
    ['another kind, of its type', other, { type: 'other_name', value: 'x', oid: '1.2.3' }, true],
    ['another kind, of another type', other, { type: 'other_name', value: 'x', oid: '1.2.4' }, false],
    ['another kind by the older field', of({ value: 'x' }), { type: 'other_name', value: 'x', oid: '1.2.3' }, false],
    ['an address', of({ value: '10.0.0.1' }), { type: 'ip_address', value: '10.0.0.1', oid: '' }, true],
    ['exact, any case', of({ value: 'Istiod', ignoreCase: true }), dns('istiod'), true],
    ['prefix', of({ match: 'prefix', value: 'spiffe://td/' }), uri('spiffe://td/ns/a/sa/b'), true],
    ['prefix, another', of({ match: 'prefix', value: 'spiffe://td/' }), uri('spiffe://td2/ns/a'), false],
    ['suffix', of({ match: 'suffix', value: '.svc' }), dns('istiod.istio-system.svc'), true],
    ['suffix, not at the end', of({ match: 'suffix', value: '.svc' }), dns('istiod.svc.evil'), false],
    ['contains', of({ match: 'contains', value: 'ns/a/' }), uri('spiffe://td/ns/a/sa/b'), true],
    ['an expression of the whole', of({ match: 'safe_regex', value: 'a.c' }), dns('abc'), true],
    ['an expression of a part', of({ match: 'safe_regex', value: 'b' }), dns('abc'), false],
    ['of its type', of({ sanType: 'uri', value: 'x' }), uri('x'), true],
    ['of another type', of({ sanType: 'uri', value: 'x' }), dns('x'), false],
    ['of a type that is none', of({ value: 'x' }), { type: null, value: 'x', oid: '' }, false],
    ['a wildcard of the certificate', of({ value: 'a.example.com' }), dns('*.example.com'), true],
    ['a wildcard is one label', of({ value: 'a.b.example.com' }), dns('*.example.com'), false],
    ['a wildcard is a label', of({ value: 'example.com' }), dns('*.example.com'), false],
    ['a part of a label', of({ value: 'foo1.example.com' }), dns('f*1.example.com'), true],
    ['a part of a label, too short', of({ value: 'f1.example.com' }), dns('f1*1.example.com'), false],
    ['two wildcards in a label', of({ value: 'abc.example.com' }), dns('*b*.example.com'), false],
    ['a wildcard in the second label', of({ value: 'a.b.com' }), dns('a.*.com'), false],
    ['a wildcard in a label of another script', of({ value: 'xn--ab.com' }), dns('xn--*.com'), false],
    ['a wildcard alone', of({ value: 'com' }), dns('*'), false],
    ['a wildcard in what is asked for', of({ value: '*.example.com' }), dns('a.example.com'), false],
    ['a wildcard by prefix is a text', of({ match: 'prefix', value: 'a' }), dns('*.example.com'), false],
    ['a wildcard outside DNS', of({ value: 'a.example.com' }), uri('*.example.com'), false],
  ];
  for (const [title, matcher, name, expected] of cases) {
    it(`${title}: ${expected}`, () => {
      assert.equal(compileSubjectAltNames([matcher], engine)([name]), expected);
    });
  }

  it('one of several is enough, and none is none', () => {
    const fits = compileSubjectAltNames([of({ value: 'a' }), of({ value: 'b' })], engine);
    assert.equal(fits([dns('x'), dns('b')]), true);
    assert.equal(fits([dns('x')]), false);
    assert.equal(fits([]), false);
    assert.equal(compileSubjectAltNames([], engine)([dns('a')]), false);
  });

  it('a pattern that is none is told', () => {
    assert.throws(() => compileSubjectAltNames([of({ match: 'safe_regex', value: '(' })], noRegex), RegexError);
  });

  it('includes an expected name of any kind, and of DNS by wildcard', () => {
    const names = [dns('*.example.com'), uri('spiffe://td/a')];
    assert.equal(namesInclude(names, ['x', 'spiffe://td/a']), true);
    assert.equal(namesInclude(names, ['a.EXAMPLE.com']), true);
    assert.equal(namesInclude(names, ['spiffe://td/A']), false);
    assert.equal(namesInclude(names, []), false);
    assert.equal(namesInclude([], ['a']), false);
  });
});
