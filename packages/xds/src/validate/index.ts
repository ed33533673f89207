export { type StructuralValidator, structuralValidator, type Violation } from './structural.ts';
