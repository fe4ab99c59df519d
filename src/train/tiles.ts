import { type ReceptiveField, receptiveFields } from '../inspect/receptive.js';
import type { Module } from '../nn/module.js';
import { trace } from '../nn/trace.js';
import { input, Tensor } from '../tensor/node.js';
import { topologicalOrder } from '../tensor/topology.js';
import { inMode, mainOutput } from './step.js';
import type { TileGeometry } from './tiling.js';

export * from './tiling.js';

/**
 * Traces a network [N, C, H, W] -> [N, K, h, w] and says how its tiles must overlap; undefined if its output is no map.
 * @throws ShapeError if the network does not take such images
 */
export function tileGeometry(
  net: Module,
  [channels, height, width]: readonly [number, number, number],
): TileGeometry | undefined {
  const image = input('image', [1, channels, height, width]);
  const { result } = inMode(net, false, () => trace(undefined, () => net.forward(image)));
  const output = mainOutput(result, (o): o is Tensor => o instanceof Tensor);
  if (output.rank !== 4) return undefined;
  const fields = receptiveFields(topologicalOrder([output]), image);
  const field = fields.get(output.node) as ReceptiveField;
  const strides = [...fields.values()].flatMap((f) => [...f.stride]);
  const [, outputs, h, w] = output.shape as [number, number, number, number];
  return {
    outputs,
    multiple: Math.max(1, ...strides.map((s) => Math.ceil(s))),
    margin: field.whole ? Math.max(height, width) >> 2 : Math.ceil(Math.max(...field.size) / 2),
    border: [(height - h) / 2, (width - w) / 2],
  };
}
