import type { Command } from 'commander';
import { addFields, common, deviceFields, type Fields, flag } from './fields.js';
import { action, type Context } from './run.js';
import { train } from './train.js';

const demoFields = {
  ...deviceFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

/** Enough for 98.9 % on the test digits with room to spare, whatever the seed. */
const DIGITS = { data: 'mnist', epochs: 5, batchSize: 64, lr: 0.02, scheduler: 'cosine' } as const;
/** Needs no network and no fast engine. */
const SHAPES = { data: 'shapes', epochs: 8, batchSize: 64, lr: 0.02 } as const;

export function addDemo(program: Command): void {
  const command = program
    .command('demo')
    .description('train LeNet on the MNIST digits, measure it on the 10,000 test digits, and write a report');
  addFields(command, demoFields).action(action(demoFields, {}, demo));
}

async function demo(context: Context): Promise<void> {
  const { values, terminal } = context;
  const backend = await context.device();
  const { getDataset } = await import('../node/datasets.js');
  let settings: typeof DIGITS | typeof SHAPES = DIGITS;
  try {
    await getDataset('mnist', { onProgress: (message) => terminal.note(message) });
  } catch (error) {
    const { sentenceOf } = await import('./errors.js');
    terminal.warn(`${sentenceOf(error)}; the generated data set "shapes" takes the place of MNIST`);
    settings = SHAPES;
  }
  // The slow device would take an hour for all of it.
  const limit = backend.device.backend === 'reference' ? { limit: 2000, epochs: 2 } : {};
  if ('limit' in limit) terminal.warn('the reference device is slow: the demo trains on 2,000 images only');
  await train({
    ...context,
    values: { ...values, model: 'lenet', seed: 1, ...settings, ...limit, out: 'runs/demo', overwrite: true },
  });
}
