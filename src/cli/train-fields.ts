import {
  channels,
  common,
  count,
  countOrAuto,
  deviceFields,
  type Fields,
  flag,
  imageSize,
  real,
  several,
  spec,
  text,
} from './fields.js';

/** Options of `fovea train`. */
export const trainFields = {
  data: text('--data <name|dir>', 'mnist, cifar10, shapes, or a folder of class folders (default: mnist)'),
  epochs: count('--epochs <n>', 'passes over the training images (default: 10)'),
  batchSize: count('--batch-size <n>', 'images in a step (default: 64)'),
  lr: real('--lr <rate>', "learning rate (default: the network's)", { above: 0 }),
  optimizer: spec('--optimizer <name>', "sgd, adam, adamw, rmsprop; sgd:nesterov=true (default: the network's)"),
  momentum: real('--momentum <x>', "of sgd and rmsprop (default: the network's, 0.9 with sgd)", { min: 0 }),
  weightDecay: real('--weight-decay <x>', 'pulls weights towards zero', { min: 0 }),
  scheduler: spec(
    '--scheduler <name>',
    'learning rate over time: step:step-size=3,gamma=0.5, cosine, one-cycle:max-lr=0.1, plateau, ...',
  ),
  loss: spec('--loss <name>', 'cross-entropy, bce, mse, or a sum such as bce+0.5*mse (default: cross-entropy)'),
  labelSmoothing: real('--label-smoothing <x>', 'of cross-entropy, from 0', { min: 0, below: 1 }),
  clipNorm: real('--clip-norm <x>', 'largest norm of all gradients together', { above: 0 }),
  clipValue: real('--clip-value <x>', 'largest absolute value in a gradient', { above: 0 }),
  metrics: several('--metrics <names>', 'accuracy, top5, precision, recall, f1, ... (default: accuracy)'),
  monitor: text('--monitor <what>', 'what the best epoch is chosen by, such as valid.accuracy (default: valid.loss)'),
  seed: count('--seed <n>', 'of first weights, order, augmentation, dropout and split (default: 0)', 0),
  out: text('--out <dir>', 'run directory (default: runs/<network>-<data>)'),
  overwrite: flag('--overwrite', 'replace the run that --out holds'),
  resume: text('--resume <run>', 'go on with a run that was stopped'),
  dropLast: flag('--drop-last', 'leave out a last batch that is smaller'),
  valid: real('--valid <fraction>', 'of the training images, where the data has no validation set (default: 0.2)', {
    min: 0,
    below: 1,
  }),
  earlyStopping: count('--early-stopping <n>', 'stop after that many epochs without improvement'),
  saveEvery: count('--save-every <n>', 'also save each time that many steps are done'),
  workers: countOrAuto('--workers <n>', 'threads that prepare images (default: auto)'),
  augment: several('--augment <list>', 'random changes of training images: hflip,crop:4,rotate:10,jitter:0.2'),
  size: imageSize('--size <n>', "height and width of images, 128 or 96x128 (default: the data's)"),
  channels: channels('--channels <n>', "1 (grey) or 3 (colour) (default: the data's)"),
  classes: count('--classes <n>', "outputs of the network (default: the data's classes)"),
  limit: count('--limit <n>', 'train on that many images only, for quick tries'),
  skipDamaged: flag('--skip-damaged', 'leave out images that cannot be read instead of failing'),
  ...deviceFields,
  logEvery: count('--log-every <n>', 'also print a line each time that many steps are done'),
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

export const modelField = text('model', 'a network by name, or a file with one of your own');

/** What may be said beside `--resume`: nothing that the numbers of the run depend on, but its length. */
export const withResume: readonly string[] = [
  'resume',
  'epochs',
  'earlyStopping',
  'saveEvery',
  'workers',
  'device',
  'threads',
  'logEvery',
  'quiet',
  'json',
  'config',
];
