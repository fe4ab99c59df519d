import type { Step } from '../steps.js';

/** `3×3`, or `3×3 /2` with a stride. */
export function windowWords(step: Step): string {
  if (!step.kernel) return '';
  const [h, w] = step.kernel;
  const stride = step.windowStride?.[0] ?? 1;
  const usual = step.kind === 'conv' ? 1 : h;
  return `${h}×${w}${stride === usual ? '' : ` /${stride}`}`;
}

const NAMES: Partial<Record<Step['kind'], string>> = {
  conv: 'conv',
  upconv: 'up-conv',
  maxpool: 'max pool',
  avgpool: 'avg pool',
  globalpool: 'global avg pool',
  linear: 'linear',
  norm: 'local norm',
  concat: 'concat',
  add: 'sum',
  crop: 'crop',
  resize: 'upsample',
  input: 'image',
};

/** Name of a step: `conv 3×3`, `max pool 2×2`, `linear`. */
export function stepWords(step: Step): string {
  const name = NAMES[step.kind] ?? lastName(step.path);
  return [name, windowWords(step)].filter(Boolean).join(' ');
}

const lastName = (path: string) => path.split('.').at(-1) || 'step';

/** `64×64` of a map's height and width, empty for a vector. */
export const sizeWords = (shape: readonly number[]): string => (shape.length === 3 ? `${shape[1]}×${shape[2]}` : '');

/** 1,000 -> "1,000". */
export const countWords = (n: number): string => n.toLocaleString('en-US');

/** Spatial side of a step's output, 1 for a vector: the larger of height and width. */
export const sideOf = ({ shape }: Step): number => (shape.length === 3 ? Math.max(shape[1]!, shape[2]!) : 1);
export const channelsOf = ({ shape }: Step): number => shape[0] ?? 1;
