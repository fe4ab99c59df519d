import type { Dataset } from '../data/dataset.js';
import type { Metric } from '../metrics/metric.js';
import { trace } from '../nn/trace.js';
import { input, Tensor } from '../tensor/node.js';
import { formatShape } from '../tensor/shape.js';
import { inMode, mainOutput, type Objective } from './step.js';

/**
 * Traces the network on one image, so that shapes that do not fit are told before anything is written, and compares
 * the number of classes where the output is [N, classes].
 * @throws ShapeError naming the layer, or Error naming both numbers of classes
 */
export function checkFits({ net }: Objective, dataset: Dataset): void {
  const x = input('image', [1, ...dataset.inputShape]);
  const { result } = inMode(net, false, () => trace(undefined, () => net.forward(x)));
  const output = mainOutput(result, (o): o is Tensor => o instanceof Tensor);
  const isClassifier = output.rank === 2 && (dataset.targetShape ?? []).length === 0;
  if (isClassifier && dataset.classes.length > output.shape[1]!)
    throw new Error(
      `${dataset.name} has ${dataset.classes.length} classes, the network's output ${formatShape(output.shape)} has room for ${output.shape[1]}`,
    );
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
