export {
  type DecodeContext,
  type Decoded,
  type DecodeProfile,
  nameInFieldOne,
  type ResourceType,
  type ResourceTypes,
} from './ads/resource-type.ts';
export {
  type DocumentPath,
  decodeMessage,
  type Position,
  parseText,
  pathText,
  type TextDocument,
  type TextErrorOptions,
  textError,
} from './text/index.ts';
