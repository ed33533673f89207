import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  type FileDescriptorProto,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';

/**
 * `import_extension=js` because TypeScript finds `x.d.ts` beside `./x.js`, with and without sources;
 * `erasable_syntax` because Node's type stripping has no enums, so ours are plain constants too.
 */
const options = 'target=dts,import_extension=js,erasable_syntax=true';

/** Runs protoc-gen-es as protoc would, on its standard streams, and returns path → text. */
export async function generateTypes(descriptorSet: Uint8Array): Promise<Map<string, string>> {
  const { file } = fromBinary(FileDescriptorSetSchema, descriptorSet);
  const request = create(CodeGeneratorRequestSchema, {
    parameter: options,
    protoFile: file,
    fileToGenerate: file.filter(isOurs).map(({ name }) => name),
  });
  const output = await runPlugin(toBinary(CodeGeneratorRequestSchema, request));
  const response = fromBinary(CodeGeneratorResponseSchema, output);
  if (response.error) throw new Error(`protoc-gen-es: ${response.error}`);
  return new Map(response.file.map(({ name, content }) => [name, content]));
}

/** The well-known types come with `@bufbuild/protobuf/wkt`; generating them again would make a second, unequal type. */
function isOurs({ name }: FileDescriptorProto): boolean {
  return !name.startsWith('google/protobuf/');
}

async function runPlugin(input: Uint8Array): Promise<Uint8Array> {
  const manifest = createRequire(import.meta.url).resolve('@bufbuild/protoc-gen-es/package.json');
  const plugin = spawn(process.execPath, [join(dirname(manifest), 'bin/protoc-gen-es')]);
  plugin.stdin.end(input);
  const exit = new Promise<number | null>((resolve, reject) => plugin.once('error', reject).once('close', resolve));
  const [output, errors, code] = await Promise.all([buffer(plugin.stdout), text(plugin.stderr), exit]);
  if (code !== 0) throw new Error(`protoc-gen-es ended with ${code}: ${errors}`);
  return output;
}
