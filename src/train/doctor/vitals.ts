import type { Program } from '../../backends/backend.js';
import { buildGraph } from '../../tensor/graph.js';
import { apply, full, Tensor } from '../../tensor/node.js';
import { numel } from '../../tensor/shape.js';
import { topologicalOrder } from '../../tensor/topology.js';
import { rngKey, type Session } from '../session.js';
import { mainOutput, type Objective, trainingPass } from '../step.js';
import type { StepBatch } from '../stepper.js';

/** A weight (not a bias or the scale of a norm) and its gradient on the images that were looked at. */
export interface WeightVitals {
  readonly path: string;
  readonly size: number;
  /** L2 norms. */
  readonly weight: number;
  readonly gradient: number;
}

/** What one look at a network says. */
export interface Vitals {
  /** Steps that were done before. */
  readonly step: number;
  readonly images: number;
  /** In order of computation. */
  readonly weights: readonly WeightVitals[];
  /** Each ReLU: its layer, whether it follows a convolution, and for each channel whether it was zero everywhere. */
  readonly relus: readonly { readonly layer: string; readonly maps: boolean; readonly silent: readonly boolean[] }[];
  /** Networks that make masks: part of the pixels that is predicted as foreground. */
  readonly foreground?: number;
}

/** Images of a look: enough to tell, few enough to cost little. */
const LOOK_AT = 32;

/**
 * Runs forward and backward over some images of a batch with extra outputs, and changes nothing: the program is compiled
 * for this, bound to the run's own values, and gone afterwards.
 */
export async function takeVitals(
  session: Session,
  objective: Objective,
  batch: StepBatch,
  seed: number,
  step: number,
): Promise<Vitals> {
  const few = firstImages(batch, LOOK_AT);
  const { output, params, tensors } = trainingPass(objective, few);
  const outputs: Record<string, Tensor> = {};
  const weights = [...params].filter(([, p]) => p.shape.length >= 2);
  for (const [i, [path, p]] of weights.entries()) {
    const g = tensors.gradients.get(path)!;
    outputs[`gradient/${i}`] = g.mul(g).sum();
    outputs[`weight/${i}`] = p.mul(p).sum();
  }
  const relus = topologicalOrder([tensors.loss]).filter((n) => n.op === 'relu' && [2, 4].includes(shapeOf(n).length));
  for (const [i, node] of relus.entries()) {
    const axes = shapeOf(node).length === 4 ? [0, 2, 3] : [0];
    outputs[`relu/${i}`] = apply('max', [new Tensor(node)], { axes, keepDims: false });
  }
  const main = mainOutput(output, (o): o is Tensor => o instanceof Tensor);
  if (main.rank === 4) outputs.foreground = foregroundShare(main);

  // Not through the session: what is compiled for a look is neither kept nor measured for its algorithms.
  const graph = buildGraph({ outputs });
  const program: Program = await session.backend.compile(graph, session.store, { name: 'doctor' });
  try {
    const rng = rngKey(seed, step + 1);
    const found = await program.run({ image: few.image, target: few.target, rng });
    const norm = (name: string) => Math.sqrt(found[name]!.data[0]!);
    return {
      step,
      images: few.image.shape[0],
      weights: weights.map(([path, p], i) => ({
        path,
        size: numel(p.shape),
        weight: norm(`weight/${i}`),
        gradient: norm(`gradient/${i}`),
      })),
      relus: relus.map((node, i) => ({
        layer: node.label,
        maps: shapeOf(node).length === 4,
        silent: Array.from(found[`relu/${i}`]!.data, (largest) => largest === 0),
      })),
      ...(found.foreground ? { foreground: found.foreground.data[0]! } : {}),
    };
  } finally {
    program.dispose();
  }
}

const shapeOf = (node: { readonly outputs: readonly { readonly shape: readonly number[] }[] }) =>
  node.outputs[0]!.shape;

/** Mean over pixels of "the logit is positive", or with several channels "the first is not the largest". */
function foregroundShare(logits: Tensor): Tensor {
  const zero = (like: Tensor) => full(like.shape, 0, like.dtype);
  if (logits.shape[1] === 1)
    return apply('less', [zero(logits), logits], {})
      .cast('float32')
      .mean();
  const classes = apply('argmax', [logits], { axis: 1 }).cast('float32');
  return apply('less', [zero(classes), classes], {})
    .cast('float32')
    .mean();
}

function firstImages({ image, target }: StepBatch, most: number): StepBatch {
  const n = Math.min(image.shape[0], most);
  const part = <T extends StepBatch['target']>(t: T): T => {
    const shape = [n, ...t.shape.slice(1)];
    return { ...t, shape, data: t.data.subarray(0, numel(shape)) };
  };
  return { image: part(image), target: part(target) };
}
