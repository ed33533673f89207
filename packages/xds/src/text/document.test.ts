import assert from 'node:assert/strict';
import { isMeshError } from '@inmesh/core';
import { parseText, pathText } from './document.ts';

const yaml = `# a comment
node: &n
  id: sidecar~1
  list:
    - first
    - { name: second }
copy: *n
`;

describe('text document', () => {
  it('reads YAML and JSON with the same parser', () => {
    assert.deepEqual(parseText('{"a": [1, {"b": null}]}', 'x').value, { a: [1, { b: null }] });
    assert.deepEqual(parseText(yaml, 'x').at(['copy', 'id']), 'sidecar~1');
    assert.equal(parseText('', 'x').value, null);
  });

  it('knows where a value and its name are written', () => {
    const document = parseText(yaml, 'mesh.yaml');
    assert.deepEqual(document.positionOf(['node', 'id']), { file: 'mesh.yaml', line: 3, column: 7 });
    assert.deepEqual(document.positionOf(['node', 'id'], 'key'), { file: 'mesh.yaml', line: 3, column: 3 });
    assert.deepEqual(document.positionOf(['node', 'list', 1, 'name']), { file: 'mesh.yaml', line: 6, column: 15 });
  });

  it('follows aliases, and gives the nearest parent of what is missing', () => {
    const document = parseText(yaml, 'mesh.yaml');
    assert.equal(document.positionOf(['copy', 'id']).line, 3);
    assert.equal(document.positionOf(['node', 'list', 1, 'nothing', 'here']).line, 6);
    assert.equal(document.positionOf([]).line, 2);
  });

  it('points at broken text', () => {
    const cases: [string, RegExp][] = [
      ['a: 1\nb: [1, 2\nc: 3\n', /^\[invalid_config\] bad\.yaml:3:1: .*; correct the YAML or JSON syntax here$/],
      ['a: 1\na: 2\n', /bad\.yaml:2:1: .*unique.*; remove one of the two$/],
      ['a: 1\n---\nb: 1\n', /bad\.yaml:2:1: .*; put each document into a file of its own$/],
      ['{"a": }}', /bad\.yaml:1:\d+: /],
    ];
    for (const [text, expected] of cases) {
      assert.throws(
        () => parseText(text, 'bad.yaml'),
        (error) => isMeshError(error) && error.code === 'invalid_config' && expected.test(error.message),
        text,
      );
    }
  });

  it('writes paths as people do', () => {
    assert.equal(pathText(['clusters', 0, 'metadata', 'envoy.lb', '@type']), 'clusters[0].metadata["envoy.lb"].@type');
  });
});
