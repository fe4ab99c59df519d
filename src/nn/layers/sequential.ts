import { Tensor } from '../../tensor/node.js';
import { Module } from '../module.js';

/**
 * Layers one after the other; what one gives the next takes. They are named by their number, as in PyTorch
 * (`features.0.weight`).
 *
 * ```ts
 * new nn.Sequential(new nn.Conv2d(1, 6, { kernel: 5 }), new nn.Tanh(), new nn.AvgPool2d({ kernel: 2 }));
 * ```
 */
export class Sequential extends Module {
  private readonly layers: Module[];

  constructor(...layers: readonly Module[]) {
    super();
    for (const [i, layer] of layers.entries())
      if (!(layer instanceof Module)) throw new TypeError(`Sequential: layer ${i} is no Module, got ${String(layer)}`);
    this.layers = [...layers];
  }

  get length(): number {
    return this.layers.length;
  }

  /** Layer number `index`; negative ones count from the end. */
  at(index: number): Module | undefined {
    return this.layers.at(index);
  }

  [Symbol.iterator](): IterableIterator<Module> {
    return this.layers[Symbol.iterator]();
  }

  override *children(): Generator<[name: string, module: Module]> {
    for (const [i, layer] of this.layers.entries()) yield [`${i}`, layer];
  }

  forward(x: Tensor): Tensor {
    let y = x;
    for (const [i, layer] of this.layers.entries()) {
      const output = layer.forward(y);
      if (!(output instanceof Tensor))
        throw new TypeError(`Sequential: layer ${i} gives several outputs, only the last of a network may do that`);
      y = output;
    }
    return y;
  }
}
