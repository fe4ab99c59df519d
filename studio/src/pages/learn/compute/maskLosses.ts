import '../../../../../src/backends/eager.js';
import { bceWithLogits } from '../../../../../src/losses/elementwise.js';
import { dice } from '../../../../../src/losses/overlap.js';
import { evaluate, tensor } from '../../../../../src/tensor/node.js';
import '../../../../../src/tensor/ops/table.js';
import { RandomStream } from '../../../../../src/data/rng.js';
import { KERNELS } from './kernels.js';
import { convolve, type Plane } from './ops.js';

const clamp = (p: number) => Math.min(1 - 1e-4, Math.max(1e-4, p));

/**
 * Probabilities as a network might give them, made from the truth: blurred `blur` times, with noise, and leaning to the
 * foreground (above 0) or to the background.
 */
export function guess(truth: Plane, blur: number, noise: number, lean: number): Plane {
  let soft = truth;
  for (let i = 0; i < blur; i++) soft = convolve(soft, KERNELS.blur(3), { padding: 1 });
  const random = new RandomStream(7, 0, 0, 0);
  return {
    ...soft,
    data: soft.data.map((p) => {
      const q = clamp(p);
      const logit = Math.log(q / (1 - q)) * 0.6 + lean + noise * (random.between(-1, 1) + random.between(-1, 1));
      return clamp(1 / (1 + Math.exp(-logit)));
    }),
  };
}

/** The losses of probabilities, by the definitions that training uses. */
export async function maskLosses(probabilities: Plane, truth: Plane): Promise<{ bce: number; dice: number }> {
  const { height, width } = truth;
  const logits = tensor(
    Float32Array.from(probabilities.data, (p) => Math.log(p / (1 - p))),
    [1, 1, height, width],
  );
  const target = tensor(Uint8Array.from(truth.data), [1, height, width]);
  const [a, b] = await evaluate([bceWithLogits().apply(logits, target), dice().apply(logits, target)]);
  return { bce: a!.data[0]!, dice: b!.data[0]! };
}
