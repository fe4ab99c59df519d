import type { FormField } from '../../../../src/server/studio/api.js';
import { RECIPES } from '../../../../src/train/recipes.js';
import type { Json } from '../../../../src/util/registry.js';
import type { Task } from './draft.js';
import { typed } from './prefill.js';

/** What fields are called where their name is not said well by itself. */
const LABELS: Readonly<Record<string, string>> = {
  lr: 'Learning rate',
  lrScale: 'Rates of parts',
  ema: 'Average of weights',
  augment: 'Augmentation',
  size: 'Image size',
  channels: 'Colour channels',
  images: 'Images to generate',
  limit: 'Limit of images',
  freeze: 'Frozen parts',
  weights: 'Begin with weights',
  valid: 'Part for validation',
  test: 'Part for the test',
  fit: 'Fit of photos',
  masks: 'How masks are read',
  monitor: 'Best epoch by',
  warmup: 'Warm-up epochs',
  clipNorm: 'Clip gradient norm',
  clipValue: 'Clip gradient values',
  accumulate: 'Steps of an update',
  classes: 'Classes',
  strict: 'Strict',
  exact: 'Exact convolutions',
  tune: 'Tune convolutions',
  saveEvery: 'Steps between saves',
  samplesEvery: 'Epochs between sheets',
  logEvery: 'Steps between lines',
  log: 'Event files',
  fold: 'Fold',
  features: 'Channels of each level',
  workers: 'Threads for images',
  threads: 'Threads of the device',
};

/** `batchSize` -> `Batch size` */
export function labelOf(name: string): string {
  const words = name.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`);
  return LABELS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

const DEFAULT = /\s*\(default: ([^()]*(?:\([^()]*\)[^()]*)*)\)/;

/** A field's help without what is said of its default, which stands in the field. */
export const helpOf = ({ help }: FormField): string => {
  const text = help.replace(DEFAULT, '').trim();
  // Names that are typed are written as they are typed.
  return /^[\w-]+[,;]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
};

/** What holds where nothing is typed, in words: of the recipe, of the network, or for the task. */
export function defaultOf(
  field: FormField,
  task: Task,
  recipe?: string,
  own?: { optimizer: string; lr: string },
): string {
  const set = recipe === undefined ? undefined : (RECIPES[recipe]?.options[field.name] as Json | undefined);
  if (set !== undefined) return typed(set);
  if (field.name === 'optimizer' && own) return own.optimizer;
  if (field.name === 'lr' && own) return own.lr;
  const said = DEFAULT.exec(field.help)?.[1];
  if (said === undefined)
    return field.kind === 'choice' ? 'as usual' : field.name === 'scheduler' ? 'constant' : 'none';
  return forTask(said, task);
}

/** `64, networks for masks 16` -> the one for the task. */
function forTask(said: string, task: Task): string {
  const both =
    /^(.*?)[,;] (?:networks for )?masks:? (.*)$/.exec(said) ?? /^(.*?) for classes, (.*) for masks$/.exec(said);
  return both ? both[task === 'segmentation' ? 2 : 1]! : said;
}

/** Values that people choose most, offered while typing. */
export function suggestions(name: string, task: Task): readonly string[] {
  const masks = task === 'segmentation';
  const known: Readonly<Record<string, readonly string[]>> = {
    optimizer: ['sgd', 'sgd:nesterov=true', 'adam', 'adamw', 'rmsprop'],
    loss: masks
      ? ['bce+dice', 'bce', 'dice', 'jaccard', 'focal+dice', 'tversky', 'lovasz', 'ce+dice']
      : ['cross-entropy', 'focal'],
    scheduler: ['cosine', 'cosine:unit=step', 'step:step-size=10,gamma=0.5', 'plateau', 'one-cycle:max-lr=0.1'],
    augment: masks
      ? ['light', 'strong', 'hflip,rotate:10', 'light,copypaste:0.5']
      : ['light', 'strong', 'hflip,crop:4'],
    metrics: masks ? ['iou,dice', 'iou,dice,boundary_f1'] : ['accuracy', 'accuracy,top5', 'accuracy,f1'],
    monitor: masks ? ['valid.loss', 'valid.iou', 'valid.dice'] : ['valid.accuracy', 'valid.loss'],
    size: ['64', '96', '128', '224', '256'],
    features: ['16,32,64,128', '32,64,128,256', '64,128,256,512,1024'],
    fold: ['1/5', '2/5', '3/5', '4/5', '5/5'],
  };
  return known[name] ?? [];
}

/** The options that matter, in the order a person thinks of them; the others that do are first of their group. */
const FIRST = ['epochs', 'batchSize', 'lr', 'optimizer', 'scheduler', 'loss', 'augment', 'size', 'seed'];
export const isMain = ({ name, main }: FormField): boolean => main && FIRST.includes(name);
export const inOrder = (fields: readonly FormField[]): FormField[] => {
  const place = ({ name }: FormField) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return [...fields].sort((a, b) => place(a) - place(b));
};

const FOR_MASKS: readonly string[] = [
  ...['features', 'trainList', 'validList', 'testList', 'classNames', 'masks', 'strict', 'samplesEvery'],
];
const FOR_CLASSES: readonly string[] = ['labelSmoothing', 'skipDamaged'];
/** Whether an option means anything to networks of that kind. */
export const concerns = (name: string, task: Task): boolean =>
  !(task === 'segmentation' ? FOR_CLASSES : FOR_MASKS).includes(name);

/** Headings of what is shown on request, and what stands under them; other fields come last. */
export const GROUPS: readonly (readonly [title: string, names: readonly string[]])[] = [
  [
    'Learning',
    [
      ...['momentum', 'weightDecay', 'labelSmoothing', 'accumulate', 'clipNorm', 'clipValue', 'warmup', 'ema'],
      ...['earlyStopping', 'metrics', 'monitor', 'dropLast'],
    ],
  ],
  ['Network', ['features', 'channels', 'classes', 'weights', 'normalize', 'lrScale', 'freeze']],
  [
    'Data',
    [
      ...['valid', 'test', 'fold', 'limit', 'images', 'fit', 'masks', 'classNames', 'trainList', 'validList'],
      ...['testList', 'strict', 'skipDamaged'],
    ],
  ],
];
