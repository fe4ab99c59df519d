import type { Command } from 'commander';
import { addFields, choice, common, count, deviceFields, type Fields, flag, text } from './fields.js';
import type { Ranked } from './measure.js';
import { action, type Context } from './run.js';

const predictFields = {
  top: count('--top <n>', 'classes to tell of each image (default: 3)'),
  weights: choice('--weights <which>', 'best or last (default: best)', ['best', 'last']),
  invert: flag('--invert', 'swap black and white: for dark ink on light paper and a network trained on the reverse'),
  ...deviceFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const runField = text('run', 'the run directory');
const imagesField: Fields[string] = {
  ...text('images', 'image files'),
  expected: 'a list of image files',
  schema: (z) => z.array(z.string().min(1)).min(1),
};

export function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .argument('<run>', runField.help)
    .argument('<images...>', imagesField.help)
    .description('say what a trained network sees in images');
  addFields(command, predictFields).action(action(predictFields, { run: runField, images: imagesField }, predict));
}

async function predict({ values, terminal, device }: Context): Promise<void> {
  const run = values.run as string;
  const files = values.images as string[];
  const [{ loadRun, objectiveOf }, { networkOf }, { loadImage }, { topClasses }, { Trainer }, { hostTensor }, text] =
    await Promise.all([
      import('../train/load.js'),
      import('./network.js'),
      import('./data-source.js').then(() => import('../node/image.js')),
      import('./measure.js'),
      import('../train/trainer.js'),
      import('../tensor/shape.js'),
      import('./terminal.js'),
    ]);
  const { formatPercent } = await import('../report/format.js');
  const backend = await device();
  const weights = (values.weights as 'best' | 'last' | undefined) ?? 'auto';
  const { config, net, file } = await loadRun(run, { make: networkOf, weights });
  const [channels, height, width] = config.inputShape;
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network of ${run} takes ${channels} channels; image files have 1 or 3`);
  const area = channels * height * width;
  const pixels = new Uint8Array(files.length * area);
  for (const [i, path] of files.entries()) {
    const image = await loadImage(path, { channels, size: [height, width], invert: values.invert === true });
    pixels.set(image.data, i * area);
    if (values.invert !== true && looksInverted(image.data, config.normalize.mean))
      terminal.warn(
        `${path} is mostly light, the training images are mostly dark: if it is ink on paper, try --invert`,
      );
  }
  const trainer = new Trainer(net, { ...objectiveOf(config), backend, normalize: config.normalize });
  const top = Math.min((values.top as number | undefined) ?? 3, config.classes.length);
  const ranked: Ranked[][] = [];
  try {
    // A few images at a time: one program for full groups and one for the rest.
    for (let from = 0; from < files.length; from += 16) {
      const size = Math.min(16, files.length - from);
      const group = pixels.subarray(from * area, (from + size) * area);
      const output = await trainer.predict(hostTensor(group, [size, channels, height, width]));
      if (output.shape.length !== 2)
        throw new Error(`the network of ${run} gives an output of shape [${output.shape.join(', ')}], not classes`);
      ranked.push(...topClasses(output.data as Float32Array, output.shape[1]!, top));
    }
  } finally {
    await trainer.dispose();
  }
  const name = (index: number) => config.classes[index] ?? String(index);
  const rows = files.map((path, i) => [
    path,
    ...ranked[i]!.flatMap(({ index, probability }) => [name(index), formatPercent(probability, 1)]),
  ]);
  terminal.answer(
    {
      run,
      weights: file.replace('.safetensors', ''),
      device: backend.device,
      predictions: files.map((path, i) => ({
        file: path,
        top: ranked[i]!.map(({ index, probability }) => ({ class: name(index), index, probability })),
      })),
    },
    text.table(rows, { right: Array.from({ length: top }, (_, k) => 2 * k + 2) }),
  );
}

/** The training images are dark on the whole and this one is light: ink on paper, shown to a network of chalk on slate. */
function looksInverted(pixels: Uint8Array, mean: readonly number[]): boolean {
  const dark = mean.every((m) => m < 0.3);
  return dark && pixels.reduce((a, b) => a + b, 0) / pixels.length > 0.6 * 255;
}
