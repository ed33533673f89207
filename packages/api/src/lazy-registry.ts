import {
  createFileRegistry,
  type DescEnum,
  type DescExtension,
  type DescFile,
  type DescMessage,
  type DescService,
  fromBinary,
  type Registry,
} from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

type DescType = DescMessage | DescEnum | DescExtension | DescService;

/** Numbers of fields in descriptor.proto. */
const fileOfSet = 1;
const nameOfFile = 1;
const packageOfFile = 2;
/** `message_type`, `enum_type`, `service`, `extension`. */
const typesOfFile: ReadonlySet<number> = new Set([4, 5, 6, 7]);
const extensionOfFile = 7;
const nameOfType = 1;
const extendeeOfExtension = 2;

/**
 * The types of a serialized FileDescriptorSet. A file is made into descriptors, with those that it imports, when one of its
 * types is first asked for: all of the Envoy API at once would hold up the event loop for 50 ms, and be kept, for the fifth of
 * it that a mesh meets.
 */
export class LazyRegistry implements Registry {
  readonly kind = 'registry';
  /** By file name. */
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #files = new Map<string, DescFile>();
  readonly #types = new Map<string, DescType>();
  /** Files by the full name of what stands in them, but for what stands within a message. */
  readonly #fileOf = new Map<string, string>();
  /** Files by the message that they have extensions of. */
  readonly #extending = new Map<string, Set<string>>();
  readonly #extensions = new Map<string, DescExtension>();

  constructor(set: Uint8Array) {
    for (const [number, bytes] of fieldsIn(set)) if (number === fileOfSet) this.#index(bytes);
  }

  /** Makes all of them. */
  *[Symbol.iterator](): IterableIterator<DescType> {
    for (const name of this.#bytes.keys()) this.#load(name);
    yield* this.#types.values();
  }

  get(typeName: string): DescType | undefined {
    const known = this.#types.get(typeName);
    if (known !== undefined) return known;
    for (let name = typeName; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf('.')))) {
      const file = this.#fileOf.get(name);
      if (file === undefined) continue;
      this.#load(file);
      return this.#types.get(typeName);
    }
    return undefined;
  }

  getMessage(typeName: string): DescMessage | undefined {
    const found = this.get(typeName);
    return found?.kind === 'message' ? found : undefined;
  }

  getEnum(typeName: string): DescEnum | undefined {
    const found = this.get(typeName);
    return found?.kind === 'enum' ? found : undefined;
  }

  getExtension(typeName: string): DescExtension | undefined {
    const found = this.get(typeName);
    return found?.kind === 'extension' ? found : undefined;
  }

  getExtensionFor(extendee: DescMessage, number: number): DescExtension | undefined {
    for (const file of this.#extending.get(extendee.typeName) ?? []) this.#load(file);
    return this.#extensions.get(`${extendee.typeName} ${number}`);
  }

  getService(typeName: string): DescService | undefined {
    const found = this.get(typeName);
    return found?.kind === 'service' ? found : undefined;
  }

  #index(bytes: Uint8Array): void {
    const file = stringIn(bytes, nameOfFile);
    const scope = stringIn(bytes, packageOfFile);
    this.#bytes.set(file, bytes);
    for (const [number, type] of fieldsIn(bytes)) {
      if (!typesOfFile.has(number)) continue;
      const name = stringIn(type, nameOfType);
      this.#fileOf.set(scope === '' ? name : `${scope}.${name}`, file);
      if (number !== extensionOfFile) continue;
      // As written by compilers: absolute, with a dot before it.
      const extendee = stringIn(type, extendeeOfExtension).slice(1);
      this.#extending.set(extendee, (this.#extending.get(extendee) ?? new Set()).add(file));
    }
  }

  #load(name: string): DescFile {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const bytes = this.#bytes.get(name);
    if (bytes === undefined) throw new TypeError(`the API has no file ${name}`);
    const proto = fromBinary(FileDescriptorProtoSchema, bytes);
    const made = createFileRegistry(proto, (imported) => withoutImports(this.#load(imported)));
    const file = made.getFile(name) as DescFile;
    this.#files.set(name, file);
    for (const type of nestedTypes(file)) {
      this.#types.set(type.typeName, type);
      if (type.kind === 'extension') this.#extensions.set(`${type.extendee.typeName} ${type.number}`, type);
    }
    return file;
  }
}

/** protobuf-es goes all ways through the imports of a file that it is given, each as often as there are ways to it: thousands. */
function withoutImports(file: DescFile): DescFile {
  const visible = file.proto.publicDependency.flatMap((index) => file.dependencies[index] ?? []);
  return { ...file, dependencies: visible.map(withoutImports) };
}

/** What is length-delimited in a message, with its field's number: messages and strings. */
function* fieldsIn(bytes: Uint8Array): Generator<readonly [number: number, value: Uint8Array]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.LengthDelimited) yield [number, reader.bytes()];
    else reader.skip(wireType, number);
  }
}

const utf8 = new TextDecoder();

/** A string field; empty where it is not set. */
function stringIn(bytes: Uint8Array, wanted: number): string {
  for (const [number, value] of fieldsIn(bytes)) if (number === wanted) return utf8.decode(value);
  return '';
}
