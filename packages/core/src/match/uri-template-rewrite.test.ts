import assert from 'node:assert/strict';
import { plainRegex } from '../testing/plain-regex.ts';
import { UriTemplateError } from './uri-template.ts';
import { uriTemplateRewriter } from './uri-template-rewrite.ts';

describe('URI template rewriter', () => {
  it('makes a path of variables and literals', () => {
    const rewrite = uriTemplateRewriter('/{lang}/{rest=**}', '/x/{rest}/{lang}.html', plainRegex);
    assert.equal(rewrite('/en/a/b'), '/x/a/b/en.html');
    assert.equal(rewrite('/en'), null);
  });

  for (const template of ['x', '/{other}', '/{lang', '/a//b', '/*']) {
    it(`refuses ${template}`, () => {
      assert.throws(() => uriTemplateRewriter('/{lang}', template, plainRegex), UriTemplateError);
    });
  }
});
