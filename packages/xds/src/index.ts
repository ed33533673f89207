export {
  type Decoded,
  type DecodeContext,
  type DecodeProfile,
  nameInFieldOne,
  type ResourceType,
  type ResourceTypes,
} from './ads/resource-type.ts';
