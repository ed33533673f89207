import type { DescMessage } from '@bufbuild/protobuf';

/** Well-known types whose JSON is not an object of their fields; inside an Any it stands under `value`. */
export function hasOwnJson(schema: DescMessage): boolean {
  return /^google\.protobuf\.(Any|Duration|Timestamp|FieldMask|Struct|Value|ListValue|\w+Value)$/.test(schema.typeName);
}
