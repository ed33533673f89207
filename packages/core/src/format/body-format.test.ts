import assert from 'node:assert/strict';
import type { JsonTemplate } from '../model/body-format.ts';
import { makeCall } from '../testing/caller.ts';
import { compileBodyFormat } from './body-format.ts';
import { FormatError } from './piece.ts';
import { shownRequest } from './shown.ts';

const shown = { ...shownRequest(makeCall({ path: '/p' }), 0), status: 404 };

function json(template: { readonly [key: string]: JsonTemplate }, omitEmptyValues = false): string {
  return compileBodyFormat({ kind: 'json', json: template, omitEmptyValues, contentType: 'application/json' })(shown);
}

describe('body format', () => {
  it('keeps the type of a text that is one command, and sorts keys', () => {
    assert.equal(json({ b: '%RESPONSE_CODE%', a: 'code %RESPONSE_CODE%' }), '{"a":"code 404","b":404}\n');
  });

  it('leaves out what has no value, where it is told to', () => {
    const template = { none: '%REQ(x)%', list: ['%REQ(x)%', 'a'], deep: { none: '%REQ(x)%' } };
    assert.equal(json(template), '{"deep":{"none":null},"list":[null,"a"],"none":null}\n');
    assert.equal(json(template, true), '{"deep":{},"list":["a"]}\n');
  });

  it('is a text, too', () => {
    const format = {
      kind: 'text',
      text: '[%REQ(x)%]%REQ(:path)%',
      omitEmptyValues: true,
      contentType: 'text/plain',
    } as const;
    assert.equal(compileBodyFormat(format)(shown), '[]/p');
  });

  it('is refused for a command that there is none of', () => {
    assert.throws(() => json({ a: '%NONE%' }), FormatError);
  });
});
