import type { Dataset } from '../../data/dataset.js';
import { DataLoader } from '../../data/loader.js';
import type { Spec } from '../../util/registry.js';
import { type Finding, percent } from './finding.js';

type DataFinding = Omit<Finding, 'step'>;

/** How often each class number occurs: of images, or of the pixels of masks. Numbers outside count too. */
export class ClassCounts {
  readonly counts = new Map<number, number>();
  total = 0;

  constructor(
    /** Names by class number. */
    readonly classes: readonly string[],
    readonly masks: boolean,
    private readonly ignoreIndex?: number,
  ) {}

  add(targets: ArrayLike<number>): void {
    const found = new Uint32Array(257);
    for (let i = 0; i < targets.length; i++) {
      const value = targets[i]!;
      // Numbers of classes are small; all that is beyond them is counted as one.
      found[value >= 0 && value < 256 ? value : 256]!++;
    }
    for (const [value, count] of found.entries())
      if (count > 0 && value !== this.ignoreIndex) {
        this.counts.set(value, (this.counts.get(value) ?? 0) + count);
        this.total += count;
      }
  }

  of(value: number): number {
    return this.counts.get(value) ?? 0;
  }

  /** Part of the pixels that is not class 0. */
  get foreground(): number | undefined {
    return this.masks && this.total > 0 ? 1 - this.of(0) / this.total : undefined;
  }
}

/** Class numbers that begin at 1, whether or not they still fit. */
export function offByOne(counts: ClassCounts): DataFinding | undefined {
  const { classes, masks, total } = counts;
  const seen = [...counts.counts.keys()].sort((a, b) => a - b);
  const [lowest, highest] = [seen[0], seen.at(-1)];
  if (lowest === undefined || lowest === 0 || highest === undefined) return undefined;
  const outside = highest >= classes.length;
  // Few images of many classes may have none of the first by chance; a gap elsewhere says so.
  const others = Array.from({ length: classes.length - 1 }, (_, i) => counts.of(i + 1));
  if (!outside && (total < 50 * classes.length || others.some((n) => n === 0))) return undefined;
  const what = masks ? 'pixels' : 'images';
  return {
    ailment: 'labels-off-by-one',
    what: `the class numbers of the ${masks ? 'masks' : 'labels'} seem to begin at 1`,
    evidence: `of ${total} ${what} none is of class 0 (${classes[0] ?? 'the first'}), the numbers seen go from ${lowest} to ${highest}, expected 0 to ${classes.length - 1}`,
    remedy: `subtract 1 where the ${masks ? 'masks' : 'labels'} are made`,
  };
}

/** The names under which a loss looks after small classes. */
const BALANCING = /dice|jaccard|tversky|focal|lovasz|weight"/i;

/** Whether a loss looks after small classes, or one that it is a sum of: the factors of a sum are no weights of classes. */
function looksAfterSmall({ name, options }: Spec): boolean {
  const terms = name === 'sum' ? (options?.terms as { loss: Spec }[] | undefined) : undefined;
  return terms ? terms.some((t) => looksAfterSmall(t.loss)) : BALANCING.test(JSON.stringify({ name, options }));
}

/**
 * Classes of which one has more than ten times the images of another; or a foreground that takes less than a fiftieth of
 * the pixels while the loss counts pixels.
 */
export function imbalance(counts: ClassCounts, loss: Spec): DataFinding | undefined {
  if (counts.total === 0 || looksAfterSmall(loss)) return undefined;
  if (counts.masks) {
    const share = counts.foreground!;
    if (share === 0 || share >= 0.02) return undefined;
    return {
      ailment: 'class-imbalance',
      what: 'there is little foreground in the masks',
      evidence: `${percent(share)} of the pixels of the masks seen so far; a network that never predicts any is right in the rest`,
      remedy: 'add a loss that looks at the overlap (--loss bce+dice) or weigh the foreground, and watch IoU',
    };
  }
  const named = counts.classes.map((name, i) => ({ name, count: counts.of(i) })).sort((a, b) => b.count - a.count);
  const [most, least] = [named[0]!, named.at(-1)!];
  if (named.length < 2 || most.count <= 10 * least.count) return undefined;
  return {
    ailment: 'class-imbalance',
    what: 'the classes are far from balanced',
    evidence: `${most.name} has ${most.count} images, ${least.name} ${least.count}; always saying ${most.name} is right in ${percent(most.count / counts.total)}`,
    remedy:
      'weigh the classes in the loss or use focal loss, and watch recall or F1 (--metrics f1) instead of accuracy',
  };
}

export interface LeakageOptions {
  /** Seconds for images that have to be decoded; what lies in memory is compared whole. Default 3. */
  readonly seconds?: number;
  readonly signal?: AbortSignal | undefined;
}

/** Images that are in both sets, pixel for pixel. Images of one colour say nothing and do not count. */
export async function leakage(
  train: Dataset,
  valid: Dataset,
  { seconds = 3, signal }: LeakageOptions = {},
): Promise<DataFinding | undefined> {
  const known = new Map<number, number>();
  const inValid = await hashes(valid, { seconds: seconds / 3, signal }, (hash, index) => known.set(hash, index));
  const pairs: [train: number, valid: number][] = [];
  const matched = new Set<number>();
  const inTrain = await hashes(train, { seconds: (2 * seconds) / 3, signal }, (hash, index) => {
    const other = known.get(hash);
    if (other === undefined) return;
    pairs.push([index, other]);
    matched.add(hash);
  });
  if (matched.size === 0 || matched.size < 0.002 * inValid) return undefined;
  const [a, b] = pairs[0]!;
  return {
    ailment: 'leakage',
    what: 'training images are in the validation set',
    evidence: `${matched.size} of the ${inValid} validation images compared are also among ${inTrain} training images, pixel for pixel (training image ${a} is validation image ${b})`,
    remedy:
      'remove the duplicates, or split by what the images show instead of by file: the validation scores are too good',
  };
}

/** Hashes images without augmentation, in order, as far as the time allows; gives how many. */
async function hashes(
  dataset: Dataset,
  { seconds, signal }: { seconds: number; signal: AbortSignal | undefined },
  found: (hash: number, index: number) => void,
): Promise<number> {
  const loader = new DataLoader(dataset, { batchSize: 64, workers: 0 });
  const begin = performance.now();
  let count = 0;
  try {
    for await (const { image, indices } of loader.epoch(0)) {
      const size = image.data.length / Math.max(1, indices.length);
      for (const [i, index] of indices.entries()) {
        const hash = hashOf(image.data.subarray(i * size, (i + 1) * size));
        if (hash !== undefined) found(hash, index);
      }
      count += indices.length;
      // The event loop goes on between batches.
      if (signal?.aborted || (!dataset.resident && performance.now() - begin > 1000 * seconds)) break;
    }
  } finally {
    await loader.close();
  }
  return count;
}

/** 53 bits of two FNV-1a hashes; undefined for images of one colour. */
export function hashOf(bytes: Uint8Array): number | undefined {
  let a = 0x811c9dc5;
  let b = 0x1b873593;
  let differs = 0;
  for (let i = 0; i < bytes.length; i++) {
    const value = bytes[i]!;
    differs |= value ^ bytes[0]!;
    a = Math.imul(a ^ value, 0x01000193);
    b = Math.imul(b ^ value, 0x85ebca6b);
    b ^= b >>> 13;
  }
  return differs === 0 ? undefined : (a >>> 0) * 0x200000 + (b >>> 11);
}
