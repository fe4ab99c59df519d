import type { Dataset } from '../data/dataset.js';
import { hasMasks } from '../data/masks.js';
import type { Metric } from '../metrics/metric.js';
import { trace } from '../nn/trace.js';
import { input, Tensor } from '../tensor/node.js';
import { formatShape } from '../tensor/shape.js';
import { inMode, mainOutput, type Objective } from './step.js';

/**
 * Traces the network on one image, so that shapes that do not fit are told before anything is written, and compares
 * the number of classes where the output is [N, classes] or, for masks, [N, classes, H, W].
 * @throws ShapeError naming the layer, Error naming both numbers of classes, or which of the two wants masks
 */
export function checkFits({ net }: Objective, dataset: Dataset): void {
  const x = input('image', [1, ...dataset.inputShape]);
  const { result } = inMode(net, false, () => trace(undefined, () => net.forward(x)));
  const output = mainOutput(result, (o): o is Tensor => o instanceof Tensor);
  const { name, classes } = dataset;
  const masked = hasMasks(dataset);
  const shape = formatShape(output.shape);
  if (masked && output.rank !== 4)
    throw new Error(
      `${name} has masks, the network's output ${shape} is one for the whole image; take a network for segmentation, such as unet`,
    );
  if (!masked && output.rank === 4 && (dataset.targetShape ?? []).length === 0)
    throw new Error(
      `${name} has one class for each image, the network's output ${shape} is one for each pixel; give data with masks`,
    );
  if (!masked && output.rank !== 2) return;
  // A single channel of a mask tells two classes apart.
  const room = masked && output.shape[1] === 1 ? 2 : output.shape[1]!;
  if (classes.length > room)
    throw new Error(`${name} has ${classes.length} classes, the network's output ${shape} has room for ${room}`);
}

/**
 * Whether the records of a run will have what the best epoch is to be chosen by, before the first epoch is trained.
 * @throws Error naming what there will be
 */
export function checkMonitor(of: string, metrics: readonly Metric[], validated: boolean): void {
  const [part, name] = of.split('.');
  const names = ['loss', ...metrics.map((m) => m.name)];
  const parts = validated ? ['train', 'valid'] : ['train'];
  if (parts.includes(part!) && names.includes(name!)) return;
  const known = parts.flatMap((p) => names.map((n) => `${p}.${n}`));
  throw new Error(`there is no number "${of}" to choose the best epoch by; there are ${known.join(', ')}`);
}
