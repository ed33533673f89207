export { fromJson, toJson } from './json.ts';
export { enumValues, messageType, registry } from './registry.ts';
export { typeNameOf, typeUrlOf } from './type-url.ts';
export { type MessageRules, type OneofRules, validateRulesOf } from './validate-rules.ts';
