export type { AdsVariant, NodeStatus } from './ads-server.ts';
export { type CommandIo, controlPlaneUsage, runControlPlaneCommand } from './command.ts';
export {
  type ControlPlane,
  type ControlPlaneOptions,
  type ControlPlaneStatus,
  startControlPlane,
} from './control-plane.ts';
export { describeEvent } from './describe-event.ts';
export type { ControlPlaneEvent, OnEvent } from './events.ts';
export type { LoadReportOptions } from './load-reports.ts';
export type { ResourceInput } from './resource.ts';
export type { Nack, TypeStatus } from './stream-subscription.ts';
export { type Finding, type ValidationResult, validateResources } from './validate.ts';
export { runValidateCommand, validateUsage } from './validate-command.ts';
