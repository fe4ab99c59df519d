import type { DType } from '../tensor/dtype.js';
import { apply, constant, stateValues, Tensor } from '../tensor/node.js';
// Layers alone must be enough to make a network: the shape rules come with the table.
import '../tensor/ops/table.js';
import { formatShape, type HostTensor, hostTensor, type Shape, ShapeError, sameShape } from '../tensor/shape.js';
import { streamOf } from './trace.js';

/** Random float32 numbers in the shape of the parameter that is being initialised; each call gives new ones. */
export type RandomSource = (distribution: 'uniform' | 'normal') => Tensor;

/** First values of a parameter as a graph expression, so that they are computed on the device. */
export type Initializer = (shape: Shape, random: RandomSource) => Tensor;

export interface ParameterOptions {
  /** Name inside its module where it differs from the property's, for example `running_mean`. */
  readonly name?: string;
  readonly dtype?: DType;
}

/**
 * A trainable tensor of a module. It is a symbolic tensor that reads the device store under its path in the network
 * (`features.0.weight`), which the network's root gives it (`Module.bindNames`).
 */
export class Parameter extends Tensor {
  /** Frozen parameters get no gradient and no update. */
  requiresGrad = true;
  readonly localName: string | undefined;
  #value: HostTensor | undefined;

  constructor(
    shape: Shape,
    readonly init: Initializer,
    options: ParameterOptions = {},
  ) {
    super(apply('state', [], { name: '', shape: [...shape], dtype: options.dtype ?? 'float32' }).node);
    this.localName = options.name;
    stateValues.set(
      this.node,
      (fallbackName) =>
        this.#value ?? this.initial(constant(hostTensor(new Int32Array(2), [2])), this.path || fallbackName),
    );
  }

  /**
   * First values as a graph: a function of the random key (int32 [2]: seed and 0) and the parameter's path only.
   */
  initial(rng: Tensor, path = this.path): Tensor {
    let calls = 0;
    return this.init(this.shape, (distribution) =>
      apply('random', [rng], { shape: this.shape, distribution, stream: streamOf(`${path}#${calls++}`) }),
    ).cast(this.dtype);
  }

  get path(): string {
    return (this.node.attrs as { name: string }).name;
  }
  /** Set by `Module.bindNames`. */
  set path(path: string) {
    (this.node.attrs as { name: string }).name = path;
  }

  /** Values on the host: what was loaded, or what was read back from the device; undefined before either. */
  get value(): HostTensor | undefined {
    return this.#value;
  }
  set value(value: HostTensor | undefined) {
    if (value && (!sameShape(value.shape, this.shape) || value.dtype !== this.dtype))
      throw new ShapeError(
        `${this.path || 'parameter'} is ${this.dtype}${formatShape(this.shape)} and cannot take ${value.dtype}${formatShape(value.shape)}`,
      );
    this.#value = value;
  }
}

/** State that is saved but not trained, such as running statistics. */
export class Buffer extends Parameter {
  override requiresGrad = false;
}
