import type { Tensor } from '../tensor/node.js';
import { checkNumber } from '../util/check.js';
import { checkOptions, type Json, type Spec } from '../util/registry.js';

/** What every optimizer takes. */
export interface Hyper {
  /** Learning rate; schedulers scale it. */
  readonly lr: number;
}

/** What one parameter's update sees. `scalars` are float32 scalar inputs of the step graph. */
export interface UpdateContext {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** New values after a step. */
export interface Updated {
  readonly param: Tensor;
  readonly slots: Readonly<Record<string, Tensor>>;
}

/** How one kind of optimizer updates one parameter: the numbers on the host and the expression on the device. */
export interface UpdateRule<H extends Hyper> {
  readonly name: string;
  readonly defaults: H;
  /** Throws one sentence about the first option that is out of range. */
  validate(hyper: H): void;
  /** Names of the state kept per parameter, in its shape, zero at first. */
  slots(hyper: H): readonly string[];
  /**
   * Numbers of step `step` (from 1), computed in double and fed as float32. `momentum`, if given, replaces the
   * momentum (SGD, RMSprop) or beta1 (Adam) for this step.
   */
  scalars(step: number, hyper: H, momentum?: number): Readonly<Record<string, number>>;
  /** The step as a graph. */
  update(context: UpdateContext, hyper: H): Updated;
}

/** Parameters of a group: name patterns (`features`, `*.bias`) or a test of the parameter's path. */
export type ParamSelector = string | readonly string[] | ((path: string) => boolean);

/** A group of parameters with options of its own, for example `{ params: '*.bias', weightDecay: 0 }`. */
export type ParamGroup<H extends Hyper> = { readonly params: ParamSelector } & Partial<H>;

export type OptimizerOptions<H extends Hyper> = Partial<H> & { readonly groups?: readonly ParamGroup<H>[] };

/** A group with its options filled in and its rule bound. */
export interface BoundGroup {
  matches(path: string): boolean;
  readonly lr: number;
  readonly slots: readonly string[];
  /** Numbers of step `step` (from 1) at learning rate `lr`. */
  scalars(step: number, lr: number, momentum?: number): Readonly<Record<string, number>>;
  update(context: UpdateContext): Updated;
}

/**
 * A description of how parameters change from their gradients. It holds no state itself: slots live in the device
 * store, `applyOptimizer` builds the graph.
 */
export interface Optimizer {
  readonly name: string;
  /** Name and options, for `config.json`; undefined if a group selects by a function. */
  readonly spec: Spec | undefined;
  /** A parameter belongs to the first group that matches; the last one matches all. */
  readonly groups: readonly BoundGroup[];
}

/** Makes the factory of an optimizer from its rule: `sgd({ lr: 0.01, groups: [...] })`. */
export function defineOptimizer<H extends Hyper>(rule: UpdateRule<H>): (options?: OptimizerOptions<H>) => Optimizer {
  const known = Object.keys(rule.defaults);
  return ({ groups = [], ...options } = {} as OptimizerOptions<H>) => {
    const own = options as Partial<H>;
    const base = resolve(rule, own, known);
    if (!Array.isArray(groups)) throw new TypeError(`${rule.name}: groups must be a list of { params, ... }`);
    const bound = groups.map(({ params, ...overrides }) =>
      bind(rule, resolve(rule, { ...base, ...overrides } as Partial<H>, known), matcher(rule.name, params)),
    );
    const byName = groups.every((g) => typeof g.params !== 'function');
    const spec: Spec = {
      name: rule.name,
      options: { ...base, ...(groups.length > 0 ? { groups } : {}) } as unknown as Record<string, Json>,
    };
    return { name: rule.name, spec: byName ? spec : undefined, groups: [...bound, bind(rule, base, () => true)] };
  };
}

function resolve<H extends Hyper>(rule: UpdateRule<H>, options: Partial<H>, known: readonly string[]): H {
  checkOptions(rule.name, options, known);
  const given = Object.fromEntries(Object.entries(options).filter(([, v]) => v !== undefined));
  const hyper = { ...rule.defaults, ...given } as H;
  checkNumber(`${rule.name}: lr`, hyper.lr, { min: 0 });
  rule.validate(hyper);
  return hyper;
}

function bind<H extends Hyper>(rule: UpdateRule<H>, hyper: H, matches: (path: string) => boolean): BoundGroup {
  return {
    matches,
    lr: hyper.lr,
    slots: rule.slots(hyper),
    scalars: (step, lr, momentum) => rule.scalars(step, { ...hyper, lr }, momentum),
    update: (context) => rule.update(context, hyper),
  };
}

/** `features` matches `features` and all below it; `*` stands for any characters. */
function matcher(what: string, params: ParamSelector): (path: string) => boolean {
  if (typeof params === 'function') return params;
  const names = typeof params === 'string' ? [params] : params;
  if (!Array.isArray(names) || !names.every((n) => typeof n === 'string' && n !== ''))
    throw new TypeError(`${what}: params of a group must be names such as "features" or "*.bias"`);
  const patterns = names.map((pattern: string) => {
    const source = pattern.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
    return new RegExp(`^${source.join('.*')}(\\..*)?$`);
  });
  if (patterns.length === 0) throw new TypeError(`${what}: a group names no params`);
  return (path) => patterns.some((p) => p.test(path));
}
