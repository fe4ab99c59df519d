import { median } from '../../util/numbers.js';
import type { Spec } from '../../util/registry.js';
import { type Finding, percent, short } from './finding.js';
import type { Vitals, WeightVitals } from './vitals.js';

/** What the judgements below are made on. */
export interface History {
  /** Looks so far, the first before the first step. */
  readonly looks: readonly Vitals[];
  /** Losses of all steps so far. */
  readonly losses: readonly number[];
  readonly lr: number;
  readonly optimizer: Spec | undefined;
  /** Part of the pixels that is foreground in the masks seen so far. */
  readonly foreground?: number | undefined;
}

type Judgement = (history: History) => Omit<Finding, 'step'> | undefined;

/** Losses at the beginning and at the end that are compared. */
const WINDOW = 20;

const relative = ({ weight, gradient }: WeightVitals) => gradient / weight;

/**
 * Channels that were zero for all images of the last looks get no gradient any more. Units of linear layers answer to few
 * images even in good health, channels of convolutions to some pixel of nearly every image.
 */
const deadRelu: Judgement = ({ looks }) => {
  const later = looks.filter((l) => l.step > 0);
  if (later.length < 2) return undefined;
  const dead = later[0]!.relus
    .map(({ layer, maps, silent }, i) => {
      const count = silent.filter((_, c) => later.every((l) => l.relus[i]?.silent[c])).length;
      return { layer, count, of: silent.length, share: count / silent.length, much: maps ? 0.5 : 0.8 };
    })
    .filter((r) => r.share >= r.much);
  const worst = dead.sort((a, b) => b.share - a.share)[0];
  if (!worst) return undefined;
  const images = later.reduce((sum, l) => sum + l.images, 0);
  const others = dead.length > 1 ? ` (and much of ${dead.length - 1} other layers)` : '';
  return {
    ailment: 'dead-relu',
    what: `${worst.share === 1 ? 'all' : 'most'} of ${worst.layer} is dead`,
    evidence: `${worst.count} of its ${worst.of} ReLUs were zero for all of ${images} images${others}`,
    remedy: 'start again with a lower learning rate or a warm-up, or put batch normalisation before the activation',
  };
};

/**
 * Gradients many times the weights in two looks running (in the first one small weights before a batch normalisation have
 * large ones, which makes them grow at once), or a hundred times those of the beginning.
 */
const exploding: Judgement = ({ looks }) => {
  const largest = ({ weights }: Vitals) => [...weights].sort((a, b) => relative(b) - relative(a))[0];
  const norm = ({ weights }: Vitals) => Math.hypot(...weights.map((w) => w.gradient));
  const [first, last] = [looks[0]!, looks.at(-1)!];
  const worst = largest(last);
  const before = looks.at(-2) && largest(looks.at(-2)!);
  if (!worst || !before) return undefined;
  const huge = Math.min(relative(worst), relative(before)) > 30;
  const grown = norm(last) > 100 * norm(first) && relative(worst) > 1;
  if (!huge && !grown) return undefined;
  return {
    ailment: 'exploding-gradients',
    what: `gradients explode at ${worst.path}`,
    evidence: `the norm of its gradient is ${short(worst.gradient)}, that of the weight itself ${short(worst.weight)}${grown ? `; all gradients together are ${short(norm(last) / norm(first))} times what they were` : ''}`,
    remedy: 'clip them (--clip-norm 1), lower the learning rate, or use batch normalisation or smaller first weights',
  };
};

/** In two looks running: the early layers get next to nothing of what the last ones get. */
const vanishing: Judgement = ({ looks }) => {
  const of = ({ weights }: Vitals) => {
    const early = weights.slice(0, Math.ceil(weights.length / 3));
    const least = [...early].sort((a, b) => relative(a) - relative(b))[0];
    const most = Math.max(...weights.map(relative));
    return least && relative(least) < 1e-4 * most && relative(least) < 1e-5 && relative(least) > 0
      ? { least, most }
      : undefined;
  };
  const [before, last] = looks.slice(-2).map(of);
  if (!before || !last) return undefined;
  const { least, most } = last;
  return {
    ailment: 'vanishing-gradients',
    what: `gradients vanish on the way to ${least.path}`,
    evidence: `its gradient is ${short(relative(least))} of the weight, in later layers up to ${short(most)}`,
    remedy:
      'use batch normalisation, ReLU instead of sigmoid or tanh, or He initialisation; a higher rate will not help',
  };
};

/** By how much of its size a weight moves in one step, roughly. */
function stepSize({ size, weight, gradient }: WeightVitals, lr: number, optimizer: Spec | undefined): number {
  const name = optimizer?.name ?? 'sgd';
  // Adam and its kin move every number by about the rate, whatever the gradient.
  if (name !== 'sgd') return (lr * Math.sqrt(size)) / weight;
  const momentum = Number((optimizer?.options as { momentum?: number } | undefined)?.momentum ?? 0);
  return (lr * gradient) / weight / (1 - Math.min(momentum, 0.999));
}

const tooHigh: Judgement = ({ looks, losses, lr, optimizer }) => {
  if (losses.length < 3 * WINDOW) return undefined;
  const begin = median(losses.slice(0, 5));
  const end = median(losses.slice(-WINDOW));
  const steps = looks[0]!.weights.map((w) => stepSize(w, lr, optimizer));
  const first = Math.max(...steps);
  // Small batches are noisy: where a step hardly moves the weights, the rate is not why.
  const grew = first > 1e-3 && end > begin + 0.15 * Math.abs(begin);
  // A first step that threw the weights away, and nothing learned since.
  const thrown = first > 0.3 && end > begin - 0.05 * Math.abs(begin) && losses.length >= 6 * WINDOW;
  if (!grew && !thrown) return undefined;
  return {
    ailment: 'learning-rate-too-high',
    what: `the learning rate ${short(lr)} is too high`,
    evidence:
      `the loss was ${short(begin)} at the beginning and is ${short(end)} after ${losses.length} steps` +
      (thrown ? `; the first steps moved a weight by ${percent(first)} of its size` : ''),
    remedy: `start again with a tenth of it (--lr ${short(lr / 10)}); fovea find-lr suggests a rate`,
  };
};

const tooLow: Judgement = ({ looks, losses, lr, optimizer }) => {
  if (losses.length < 9 * WINDOW) return undefined;
  const begin = median(losses.slice(0, 5));
  const end = median(losses.slice(-WINDOW));
  const largest = Math.max(...looks.at(-1)!.weights.map((w) => stepSize(w, lr, optimizer)));
  if (end < begin - 0.03 * Math.abs(begin) || !(largest < 1e-4)) return undefined;
  return {
    ailment: 'learning-rate-too-low',
    what: `the learning rate ${short(lr)} is too low`,
    evidence: `in ${losses.length} steps the loss went from ${short(begin)} to ${short(end)}; a step moves no weight by more than ${short(largest)} of its size (usual: 1e-3)`,
    remedy: `try ten to a hundred times as much (--lr ${short(lr * 30)}); fovea find-lr suggests a rate`,
  };
};

/** In two looks running there is no foreground where the masks have some. */
const emptyMask: Judgement = ({ looks, losses, foreground }) => {
  const later = looks.filter((l) => l.step > 0).slice(-2);
  if (foreground === undefined || foreground < 0.005 || later.length < 2 || losses.length < 2 * WINDOW)
    return undefined;
  if (!later.every((l) => l.foreground !== undefined && l.foreground < 0.02 * foreground)) return undefined;
  return {
    ailment: 'empty-mask',
    what: 'the network predicts empty masks',
    evidence: `${percent(later.at(-1)!.foreground!)} of the pixels are predicted as foreground, in the masks it is ${percent(foreground)}; after ${losses.length} steps the loss is ${short(median(losses.slice(-WINDOW)))}`,
    remedy: 'lower the learning rate, and train with a sum such as --loss bce+dice: Dice alone has no slope there',
  };
};

export const JUDGEMENTS: readonly Judgement[] = [deadRelu, exploding, vanishing, tooHigh, tooLow, emptyMask];
