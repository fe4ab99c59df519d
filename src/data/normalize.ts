import type { Dataset, Normalize } from './dataset.js';

/** Usual per-channel mean and standard deviation of pixel values in 0..1, over the training images. */
export const NORMALIZE = {
  mnist: { mean: [0.1307], std: [0.3081] },
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  /** What torchvision's pretrained networks expect. */
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  gray: { mean: [0.5], std: [0.25] },
} as const satisfies Record<string, Normalize>;

/**
 * Mean and standard deviation of each channel over (at most) the first `images` images, as values in 0..1.
 * A channel that never changes gets the standard deviation 1.
 */
export async function measureNormalize(dataset: Dataset, images = dataset.length): Promise<Normalize> {
  const [channels, h, w] = dataset.inputShape;
  const size = h * w;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  const n = Math.min(images, dataset.length);
  for (let i = 0; i < n; i++) {
    const { image } = await dataset.get(i);
    for (let c = 0; c < channels; c++) {
      // Sums of bytes and their squares stay exact in a double.
      let sum = 0;
      let square = 0;
      for (let k = c * size; k < (c + 1) * size; k++) {
        const v = image[k]!;
        sum += v;
        square += v * v;
      }
      sums[c]! += sum;
      squares[c]! += square;
    }
  }
  const count = n * size;
  const mean = Array.from(sums, (s) => s / count / 255);
  const std = mean.map((m, c) => Math.sqrt(Math.max(0, squares[c]! / count / 65025 - m * m)) || 1);
  return { mean, std };
}
