export { type AdamOptions, adam, adamw } from './adam.js';
export { type ApplyOptions, applyOptimizer, type StepSchedule, slotName, type UpdateGraph } from './apply.js';
export { type ClipOptions, clipGradNorm, clipGradValue, globalNorm } from './clip.js';
export {
  defineOptimizer,
  type Hyper,
  type Optimizer,
  type OptimizerOptions,
  type ParamGroup,
  type ParamSelector,
  type UpdateContext,
  type Updated,
  type UpdateRule,
} from './optimizer.js';
export { optimizers, parseOptimizer, parseScheduler, schedulerRegistry } from './registry.js';
export { type RmspropOptions, rmsprop } from './rmsprop.js';
export type { Schedule, ScheduleContext, Scheduler, ScheduleUnit } from './scheduler.js';
export * as schedulers from './schedulers.js';
export { type SgdOptions, sgd } from './sgd.js';
