import assert from 'node:assert/strict';
import { createRegistry } from '@bufbuild/protobuf';
import {
  ApiSchema,
  DurationSchema,
  FieldDescriptorProtoSchema,
  StructSchema,
  TypeSchema,
} from '@bufbuild/protobuf/wkt';
import { decodeMessage } from './decode-message.ts';
import { parseText } from './document.ts';

const registry = createRegistry(DurationSchema, StructSchema, TypeSchema);

describe('decodeMessage', () => {
  it('accepts snake_case and camelCase, and @type through the registry', () => {
    const document = parseText(
      'types:\n- name: t\n  source_context: { fileName: a.proto }\n  options:\n  - name: o\n    value: { "@type": type.googleapis.com/google.protobuf.Duration, value: 5s }\n',
      'x.yaml',
    );
    const type = decodeMessage(document, ['types', 0], TypeSchema, registry);
    assert.equal(type.sourceContext?.fileName, 'a.proto');
    assert.equal(type.options[0]?.value?.typeUrl, 'type.googleapis.com/google.protobuf.Duration');
  });

  it('takes a lone object for a list of one, as Envoy does', () => {
    const type = decodeMessage(parseText('fields: { name: f, options: { name: o } }', 'x'), [], TypeSchema, registry);
    assert.equal(type.fields[0]?.options[0]?.name, 'o');
  });

  it('names file, line, column, field and remedy of what does not fit', () => {
    const cases: [string, string, RegExp][] = [
      [
        'an unknown field',
        'name: x\nsourceContxt: {}\n',
        /^x:2:1: sourceContxt: unknown field of google\.protobuf\.Type; did you mean `source_context`\?$/,
      ],
      ['a wrong scalar', 'name: [1]\n', /^x:1:7: name: a list is no string; write a string$/],
      [
        'a wrong enum',
        'fields:\n- kind: TYPE_STRONG\n',
        /^x:2:9: fields\[0\]\.kind: "TYPE_STRONG" is no google\.protobuf\.Field\.Kind; use one of TYPE_UNKNOWN, /,
      ],
      [
        'a number out of range',
        'fields:\n- number: 5000000000\n',
        /^x:2:11: fields\[0\]\.number: 5000000000 is no int32/,
      ],
      ['a list that is none', 'fields: 5\n', /^x:1:9: fields: 5 is not a list; /],
      [
        'a message that is none',
        'source_context: 7\n',
        /^x:1:17: source_context: 7 is not an object; write the fields of google\.protobuf\.SourceContext here$/,
      ],
      ['an item of a list', 'oneofs:\n- a\n- { b: 1 }\n', /^x:3:3: oneofs\[1\]: an object is no string/],
      [
        'an unknown @type',
        'options:\n- value:\n    "@type": type.googleapis.com/no.Such\n',
        /^x:3:14: options\[0\]\.value\.@type: type "type\.googleapis\.com\/no\.Such" is not known; check its spelling$/,
      ],
      ['a missing @type', 'options:\n- value: { a: 1 }\n', /^x:2:10: options\[0\]\.value: has no @type; /],
      [
        'a field inside an Any',
        'options:\n- value:\n    "@type": type.googleapis.com/google.protobuf.Type\n    fields: [{ kind: NO }]\n',
        /^x:4:22: options\[0\]\.value\.fields\[0\]\.kind: "NO" is no /,
      ],
      [
        'a duration inside an Any',
        'options:\n- value: { "@type": type.googleapis.com/google.protobuf.Duration, value: 5 }\n',
        /value: 5 is no google\.protobuf\.Duration; write seconds with an s, such as 5s or 0\.25s$/,
      ],
      [
        'a field given twice',
        'source_context: {}\nsourceContext: {}\n',
        /^x:2:1: sourceContext: .*; keep only one of them$/,
      ],
    ];
    for (const [title, text, expected] of cases) {
      assert.throws(
        () => decodeMessage(parseText(text, 'x'), [], TypeSchema, registry),
        (error: Error) => {
          assert.match(error.message.replace('[invalid_config] ', ''), expected, title);
          return true;
        },
      );
    }
  });

  it('says what is missing', () => {
    assert.throws(
      () => decodeMessage(parseText('a: 1', 'x'), ['node'], ApiSchema, registry),
      /x:1:1: node: is missing; /,
    );
    assert.throws(
      () => decodeMessage(parseText('default_value: 3', 'x'), [], FieldDescriptorProtoSchema, registry),
      /x:1:16: default_value: 3 is no string/,
    );
  });
});
