import type { Tensor } from '../tensor/node.js';
import { withLayer } from '../tensor/scope.js';
import { formatShape, type HostTensor, sameShape } from '../tensor/shape.js';
import { suggest } from '../util/suggest.js';
import { Buffer, Parameter } from './parameter.js';
import { currentTrace } from './trace.js';

/** What `forward` gives: a tensor, or several by name. */
export type Output = Tensor | Readonly<Record<string, Tensor>>;

/** Values by parameter path, for example `features.0.weight`. */
export type StateDict = Readonly<Record<string, HostTensor>>;

/**
 * Base of all layers and networks. Properties that are parameters, buffers, modules or arrays of modules are found
 * by themselves and named by their property path, as in PyTorch:
 *
 * ```ts
 * class Block extends nn.Module {
 *   readonly conv = new nn.Conv2d(3, 8, { kernel: 3, padding: 1 });
 *   forward(x: Tensor): Tensor { return F.relu(this.conv.forward(x)); }   // [N, 3, H, W] -> [N, 8, H, W]
 * }
 * ```
 */
export abstract class Module {
  /** Whether dropout drops and batch normalisation uses the batch's statistics. Set by `train()` and `eval()`. */
  training = true;

  /** Whether `freeze()` holds this module still: batch normalisation then keeps its running statistics, and uses them. */
  frozen = false;

  /**
   * For networks that give several named outputs in training (GoogLeNet's heads): how much the loss of each counts
   * unless the trainer is told otherwise.
   */
  declare readonly outputWeights?: Readonly<Record<string, number>> | undefined;

  /** Describes the computation on symbolic tensors. */
  abstract forward(...inputs: Tensor[]): Output;

  /** Direct sub-modules by name. */
  *children(): Generator<[name: string, module: Module]> {
    for (const [key, value] of Object.entries(this)) {
      if (value instanceof Module) yield [key, value];
      else if (Array.isArray(value))
        for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${key}.${i}`, item];
    }
  }

  /** This module (path '') and all below it, parents first. */
  *modules(prefix = ''): Generator<[path: string, module: Module]> {
    yield [prefix, this];
    for (const [name, child] of this.children()) yield* child.modules(join(prefix, name));
  }

  /** All parameters and buffers by path, in order of definition; a shared one is named once. */
  states(): Map<string, Parameter> {
    const found = new Map<string, Parameter>();
    const seen = new Set<Parameter>();
    for (const [path, module] of this.modules())
      for (const [key, value] of Object.entries(module))
        if (value instanceof Parameter && !seen.has(value)) {
          seen.add(value);
          found.set(join(path, value.localName ?? key), value);
        }
    return found;
  }

  /** Trainable parameters (frozen ones included) by path. */
  parameters(): Map<string, Parameter> {
    return new Map([...this.states()].filter(([, p]) => !(p instanceof Buffer)));
  }

  /** Number of trainable values. */
  parameterCount(): number {
    let count = 0;
    for (const p of this.parameters().values()) count += p.shape.reduce((n, d) => n * d, 1);
    return count;
  }

  train(on = true): this {
    for (const [, module] of this.modules()) module.training = on;
    return this;
  }
  eval(): this {
    return this.train(false);
  }

  /**
   * Excludes from training the parameters at or below the paths `prefixes` (all when none is given). Batch
   * normalisation below is frozen as a whole: in training too it normalises by its running statistics and keeps them.
   * @throws Error that suggests the nearest path where the network has none such, or nothing to freeze there
   */
  freeze(...prefixes: string[]): this {
    return this.setFrozen(true, prefixes);
  }
  /** Takes `freeze` back for the same paths. */
  unfreeze(...prefixes: string[]): this {
    return this.setFrozen(false, prefixes);
  }

  private setFrozen(frozen: boolean, prefixes: readonly string[]): this {
    const below = (path: string, prefix: string) => path === prefix || path.startsWith(`${prefix}.`);
    const states = [...this.states().keys()];
    for (const prefix of prefixes)
      if (!states.some((path) => below(path, prefix))) throw new Error(nothingAt(prefix, states));
    const meant = (path: string) => prefixes.length === 0 || prefixes.some((prefix) => below(path, prefix));
    for (const [path, p] of this.parameters()) if (meant(path)) p.requiresGrad = !frozen;
    for (const [path, module] of this.modules()) if (meant(path)) module.frozen = frozen;
    return this;
  }

  /**
   * Makes this module the root of a network: gives parameters their paths and lets every layer below announce itself
   * while its `forward` runs. Whoever traces a network calls it; calling it again is harmless.
   */
  bindNames(): this {
    for (const [path, parameter] of this.states()) parameter.path = path;
    for (const [path, module] of this.modules()) announce(module, path);
    return this;
  }

  /**
   * Takes values by path; they reach the device when the network is next materialised.
   * @throws Error naming the first missing, unexpected or ill-shaped entry (missing and unexpected only if `strict`)
   */
  loadStateDict(dict: StateDict, { strict = true } = {}): void {
    const states = this.states();
    for (const [path, parameter] of states) {
      const value = dict[path];
      if (!value) {
        if (strict)
          throw new Error(`the weights have no "${path}" ${formatShape(parameter.shape)}, which the network needs`);
        continue;
      }
      if (!sameShape(value.shape, parameter.shape))
        throw new Error(
          `the weights hold "${path}" as ${formatShape(value.shape)}, the network needs ${formatShape(parameter.shape)}`,
        );
    }
    if (strict)
      for (const [path, value] of Object.entries(dict))
        if (!states.has(path))
          throw new Error(`the weights hold "${path}" ${formatShape(value.shape)}, which the network does not have`);
    for (const [path, parameter] of states) if (dict[path]) parameter.value = dict[path];
  }

  /** Values by path. Throws if the network has none on the host yet (`await materialise(...)` or `loadStateDict` first). */
  stateDict(): Record<string, HostTensor> {
    const dict: Record<string, HostTensor> = {};
    for (const [path, parameter] of this.states()) {
      if (!parameter.value)
        throw new Error(`"${path}" has no values yet: initialise the network or load weights first`);
      dict[path] = parameter.value;
    }
    return dict;
  }
}

const join = (prefix: string, name: string) => (prefix ? `${prefix}.${name}` : name);

/** One sentence for a path at which a network has no parameter: the nearest one, and what there is at the top. */
function nothingAt(prefix: string, states: readonly string[]): string {
  const parts = states.map((path) => path.split('.'));
  const paths = new Set(parts.flatMap((names) => names.map((_, i) => names.slice(0, i + 1).join('.'))));
  const near = suggest(prefix, paths);
  const top = [...new Set(parts.map(([first]) => first))].join(', ');
  return `the network has no parameters at "${prefix}"${near ? `, did you mean "${near}"?` : ''} (its parts: ${top})`;
}

const announced = new WeakMap<Module, { path: string }>();

/** Wraps `forward` once, so that nodes are labelled with the layer's path and a trace sees its output. */
function announce(module: Module, path: string): void {
  const known = announced.get(module);
  if (known) {
    known.path = path;
    return;
  }
  const own = { path };
  announced.set(module, own);
  const forward = module.forward;
  const wrapped = function (this: Module, ...inputs: Tensor[]): Output {
    const output = withLayer(own.path, () => forward.apply(module, inputs));
    currentTrace()?.layers.set(own.path, output);
    return output;
  };
  Object.defineProperty(module, 'forward', { value: wrapped, enumerable: false, configurable: true, writable: true });
}
