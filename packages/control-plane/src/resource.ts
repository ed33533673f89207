import { createHash } from 'node:crypto';
import { create, isMessage, type JsonValue, type Message, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { registry, typeNameOf, typeUrlOf } from '@inmesh/api';
import { MeshError } from '@inmesh/core';
import {
  type DecodeMessageOptions,
  type DocumentPath,
  decodeMessage,
  nameInFieldOne,
  type TextDocument,
} from '@inmesh/xds';
import { valueDocument } from './value-document.ts';

/** One resource, ready to be sent. */
export interface Resource {
  readonly typeUrl: string;
  readonly name: string;
  readonly any: Any;
  /** Of its content, for clients that hear of each resource by itself: the same for the same bytes, in any process. */
  readonly version: string;
  /** Where it was written, so that an error can name it: `file:line:column`, or its place in a list given by code. */
  readonly origin: string;
}

/** A resource as code gives it: JSON in Envoy's format with `@type`, or a protobuf message. */
export type ResourceInput = { readonly '@type': string; readonly [field: string]: JsonValue } | Message;

/** Reads the list `resources` of a file. Throws `MeshError('invalid_config')` that names file, line, column, field and remedy. */
export function readResources(document: TextDocument): Resource[] {
  const list = document.at(['resources']);
  if (list === undefined || !Array.isArray(list)) {
    const problem = list === undefined ? 'there is no list of resources' : 'is not a list';
    throw document.error(
      list === undefined ? [] : ['resources'],
      problem,
      'write `resources:` with a list, `[]` for none',
    );
  }
  return list.map((_, index) => readResource(document, ['resources', index]));
}

/** Takes resources from code. Throws `MeshError('invalid_config')` that names the item and the field. */
export function resourcesFrom(inputs: Iterable<ResourceInput>): Resource[] {
  const list = [...inputs];
  const document = valueDocument({ resources: list.map((input) => (isMessage(input) ? null : input)) }, 'code');
  return list.map((input, index) => {
    const path = ['resources', index];
    if (!isMessage(input)) return readResource(document, path);
    const type = registry().getMessage(input.$typeName);
    if (type === undefined) throw document.error(path, `the API has no message ${input.$typeName}`, remedyForType);
    const any = create(AnySchema, { typeUrl: typeUrlOf(type.typeName), value: toBinary(type, input) });
    return named(document, path, any);
  });
}

const remedyForType = 'use a message of the Envoy API, such as type.googleapis.com/envoy.config.cluster.v3.Cluster';

/** `unknownTypes`: what an extension means that the API does not have; see `DecodeMessageOptions`. */
export function readResource(
  document: TextDocument,
  path: DocumentPath,
  { unknownTypes = 'error' }: DecodeMessageOptions = {},
): Resource {
  const type = document.at([...path, '@type']);
  if (typeof type !== 'string') throw document.error(path, 'has no @type', remedyForType);
  if (registry().getMessage(typeNameOf(type)) === undefined) {
    throw document.error([...path, '@type'], `type "${type}" is not known`, `check its spelling, or ${remedyForType}`);
  }
  const any = decodeMessage(document, path, AnySchema, registry(), { unknownTypes });
  any.typeUrl = typeUrlOf(typeNameOf(type));
  return named(document, path, any);
}

function named(document: TextDocument, path: DocumentPath, any: Any): Resource {
  // Listener.name, RouteConfiguration.name, ClusterLoadAssignment.cluster_name …: every resource type has its name in field 1.
  const field = registry()
    .getMessage(typeNameOf(any.typeUrl))
    ?.fields.find(({ number }) => number === 1);
  if (field === undefined || (field.name !== 'name' && field.name !== 'cluster_name')) {
    throw document.error(
      path,
      `${typeNameOf(any.typeUrl)} is no resource: it has no name`,
      'put it into the resource that it is a part of',
    );
  }
  const name = nameInFieldOne(any.value);
  if (name === null) throw document.error([...path, field.name], 'is empty', 'give the resource its name');
  const { file, line, column } = document.positionOf(path);
  return {
    typeUrl: any.typeUrl,
    name,
    any,
    version: createHash('sha256').update(any.value).digest('hex').slice(0, 16),
    origin: line === 0 ? `resources[${path.at(-1)}] given in ${file}` : `${file}:${line}:${column}`,
  };
}

/** Refuses two resources of one type and name, because which of them is meant nobody can know. */
export function duplicateError(first: Resource, second: Resource): MeshError {
  return new MeshError(
    'invalid_config',
    `${second.origin}: ${typeNameOf(second.typeUrl)} "${second.name}" is already defined at ${first.origin}; remove one of the two or rename it`,
  );
}
