import { dataFields } from './data-fields.js';
import {
  channels,
  choice,
  common,
  computeFields,
  count,
  countOrAuto,
  type Field,
  type Fields,
  flag,
  imageSize,
  real,
  several,
  spec,
  text,
} from './fields.js';
import { startFields } from './start-fields.js';

/** Whole numbers: `16,32,64`. */
const counts = (flags: string, help: string): Field => ({
  flags,
  help,
  expected: 'whole numbers of at least 1, such as 16,32,64,128',
  parse: (value) => value.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part))),
  schema: (z) => z.array(z.int().min(1)).min(1),
});

/** Parts of a network: `features.0,down1`. */
const parts = (flags: string, help: string): Field => ({
  flags,
  help,
  expected: 'names of layers or parameters, such as features,classifier.0',
  parse: (value, before) => [...((before as string[] | undefined) ?? []), ...value.split(',').map((s) => s.trim())],
  schema: (z) => z.array(z.string().min(1)).min(1),
});

/** Options that say which network is trained on what and how: of `train` and `find-lr`. */
export const setupFields = {
  recipe: text('--recipe <name>', 'settings by name: human-segmentation, ...; options given beside it win'),
  data: text(
    '--data <name|dir|csv>',
    'mnist, cifar10, shapes, cells, shapes-seg, a folder of class folders, photos with masks (default: mnist, cells)',
  ),
  batchSize: count('--batch-size <n>', 'images in a step (default: 64, networks for masks 16)'),
  accumulate: count('--accumulate <n>', 'steps whose gradients make one update (default: 1)'),
  lr: real('--lr <rate>', "learning rate (default: the network's)", { above: 0 }),
  optimizer: spec('--optimizer <name>', "sgd, adam, adamw, rmsprop; sgd:nesterov=true (default: the network's)"),
  momentum: real('--momentum <x>', "of sgd and rmsprop (default: the network's, 0.9 with sgd)", { min: 0 }),
  weightDecay: real('--weight-decay <x>', 'pulls weights towards zero', { min: 0 }),
  loss: spec(
    '--loss <name>',
    'cross-entropy, bce, dice, jaccard, tversky, focal, lovasz, or a sum such as bce+0.5*dice (default: cross-entropy; masks: bce+dice or ce+dice)',
  ),
  labelSmoothing: real('--label-smoothing <x>', 'of cross-entropy, from 0', { min: 0, below: 1 }),
  clipNorm: real('--clip-norm <x>', 'largest norm of all gradients together', { above: 0 }),
  clipValue: real('--clip-value <x>', 'largest absolute value in a gradient', { above: 0 }),
  seed: count('--seed <n>', 'of first weights, order, augmentation, dropout and split (default: 0)', 0),
  dropLast: flag('--drop-last', 'leave out a last batch that is smaller'),
  ...dataFields,
  workers: countOrAuto('--workers <n>', 'threads that prepare images (default: auto)'),
  augment: several(
    '--augment <list>',
    'random changes of training images: light, strong, or hflip,crop:4,rotate:10,scale:0.2,elastic:0.03,jitter:0.2,... ending in copypaste:0.5 or cutmix:0.5',
  ),
  size: imageSize('--size <n>', "height and width of images, 128 or 96x128 (default: the data's)"),
  channels: channels('--channels <n>', "1 (grey) or 3 (colour) (default: the data's)"),
  classes: count('--classes <n>', "outputs of the network (default: the data's classes)"),
  features: counts('--features <list>', 'channels of each level of a U-Net, such as 16,32,64,128'),
  freeze: parts('--freeze <list>', 'layers or parameters that are not trained, such as features or inc,down1'),
  images: count('--images <n>', 'how many images to generate (shapes, cells, shapes-seg)'),
  ...startFields,
  limit: count('--limit <n>', 'train on that many images only, for quick tries'),
} satisfies Fields;

/** Options about where the time goes. */
export const profileFields = {
  profile: flag('--profile', 'measure some steps and show where their time goes, by kind and by layer'),
  trace: text('--trace <file.json>', 'also write them for chrome://tracing or ui.perfetto.dev'),
} satisfies Fields;

/** Options of `fovea train`. */
export const trainFields = {
  ...setupFields,
  epochs: count('--epochs <n>', 'passes over the training images (default: 10)'),
  scheduler: spec(
    '--scheduler <name>',
    'learning rate over time: step:step-size=3,gamma=0.5, cosine, one-cycle:max-lr=0.1, plateau, ...',
  ),
  warmup: real('--warmup <epochs>', 'epochs in which the learning rate rises to its value', { above: 0 }),
  ema: real('--ema <decay>', 'keep, validate and use a moving average of the weights, such as 0.999', {
    min: 0,
    below: 1,
  }),
  metrics: several(
    '--metrics <names>',
    'accuracy, top5, precision, recall, f1, iou, dice, boundary_f1, ... (default: accuracy; masks: iou,dice)',
  ),
  monitor: text(
    '--monitor <what>',
    'what the best epoch is chosen by, such as valid.accuracy (default: valid.accuracy for classes, valid.loss for masks)',
  ),
  dryRun: flag('--dry-run', 'only measure a few steps and predict time and memory; nothing is trained or written'),
  out: text('--out <dir>', 'run directory (default: runs/<network>-<data>)'),
  overwrite: flag('--overwrite', 'replace the run that --out holds'),
  resume: text('--resume <run>', 'go on with a run that was stopped'),
  earlyStopping: count('--early-stopping <n>', 'stop after that many epochs without improvement'),
  saveEvery: count('--save-every <n>', 'also save each time that many steps are done'),
  samplesEvery: count(
    '--samples-every <n>',
    'draw a sheet of sample masks each time that many epochs are done; 0: never (default: 10)',
    0,
  ),
  ...computeFields,
  ...profileFields,
  doctor: choice('--doctor <when>', 'on or off: look for what goes wrong while it trains, and say it (default: on)', [
    'on',
    'off',
  ]),
  log: choice('--log <format>', 'tensorboard: also write event files for TensorBoard into the run directory', [
    'tensorboard',
  ]),
  logEvery: count('--log-every <n>', 'also print a line each time that many steps are done'),
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

export const modelField = text(
  'model',
  'a network by name (with options: unet:bilinear=true,dropout=0.1), or a file with one of your own',
);

/** What may be said beside `--resume`: nothing that the numbers of the run depend on, but its length. */
export const withResume: readonly string[] = [
  'resume',
  'epochs',
  'earlyStopping',
  'saveEvery',
  'samplesEvery',
  'dryRun',
  'workers',
  'device',
  'threads',
  'profile',
  'trace',
  'doctor',
  'log',
  'logEvery',
  'quiet',
  'json',
  'config',
];
