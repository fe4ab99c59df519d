import type { Normalize } from '../train/config.js';
import { choice, type Fields, several, text } from './fields.js';

/** Options of training that begins with weights from elsewhere. */
export const startFields = {
  weights: text(
    '--weights <file|run>',
    'begin with these weights (safetensors, .pth or a run); a head for other classes is new',
  ),
  lrScale: several('--lr-scale <list>', 'learning rates of parts, such as features=0.1,classifier=1'),
  normalize: choice(
    '--normalize <how>',
    "imagenet, or data: by the data's own mean and deviation (default: as --weights were trained with, else data)",
    ['imagenet', 'data'],
  ),
} satisfies Fields;

/** Values of {@link startFields}. */
export interface StartValues {
  readonly weights?: string;
  readonly lrScale?: readonly string[];
  /** Or what a run says that has begun. */
  readonly normalize?: 'imagenet' | 'data' | Normalize;
}
