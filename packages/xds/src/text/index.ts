export { type DecodeMessageOptions, decodeMessage, wrapUnknownTypes } from './decode-message.ts';
export {
  type DocumentPath,
  type Position,
  parseText,
  pathText,
  type TextDocument,
  type TextErrorOptions,
  textError,
} from './document.ts';
