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
import { WireType } from '@bufbuild/protobuf/wire';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';

type DescType = DescMessage | DescEnum | DescExtension | DescService;

/** Numbers of fields in descriptor.proto. */
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
    const bytes = Buffer.from(set.buffer, set.byteOffset, set.byteLength);
    eachField(bytes, 0, bytes.length, (_file, start, end) => this.#index(bytes, start, end));
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

  #index(bytes: Buffer, start: number, end: number): void {
    let file = '';
    let scope = '';
    const found: string[] = [];
    eachField(bytes, start, end, (number, from, to) => {
      if (number === nameOfFile) file = bytes.toString('latin1', from, to);
      else if (number === packageOfFile) scope = `${bytes.toString('latin1', from, to)}.`;
      if (!typesOfFile.has(number)) return;
      eachField(bytes, from, to, (part, at, until) => {
        if (part === nameOfType) found.push(bytes.toString('latin1', at, until));
        if (number !== extensionOfFile || part !== extendeeOfExtension) return;
        // As written by compilers: absolute, with a dot before it.
        const extendee = bytes.toString('latin1', at + 1, until);
        this.#extending.set(extendee, (this.#extending.get(extendee) ?? new Set()).add(file));
      });
    });
    this.#bytes.set(file, bytes.subarray(start, end));
    for (const name of found) this.#fileOf.set(`${scope}${name}`, file);
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

/**
 * Goes through what is length-delimited in a message, messages and strings, by number, start and end. By hand, because protobuf-es's
 * reader takes three times as long for it where it runs for the first time, as here. A descriptor has no fixed-length fields.
 */
function eachField(
  bytes: Uint8Array,
  start: number,
  end: number,
  visit: (number: number, start: number, end: number) => void,
): void {
  let at = start;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
  };
  while (at < end) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) !== WireType.LengthDelimited) continue;
    visit(tag >>> 3, at, at + value);
    at += value;
  }
}
