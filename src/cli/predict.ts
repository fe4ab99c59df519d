import type { Command } from 'commander';
import type { Ranked } from '../train/ranked.js';
import {
  addFields,
  choice,
  common,
  computeFields,
  convolutionsFor,
  count,
  type Field,
  type Fields,
  flag,
  real,
  text,
  weightsField,
} from './fields.js';
import { action, type Context } from './run.js';

/** A whole number of pixels, or `full`. */
const sideOrFull = (flags: string, help: string): Field => ({
  flags,
  help,
  expected: 'a whole number of pixels of at least 16, or full',
  parse: (value) => (value === 'full' ? value : value.trim() === '' ? Number.NaN : Number(value)),
  schema: (z) => z.union([z.literal('full'), z.int().min(16).max(16384)]),
});

const predictFields = {
  top: count('--top <n>', 'classes to tell of each image (default: 3)'),
  weights: weightsField,
  out: text('--out <file|dir>', 'masks: where they are written; several photos need a folder'),
  mode: choice(
    '--mode <what>',
    'masks: mask, overlay (over the photo) or cutout (transparent around it) (default: cutout; several classes: overlay)',
    ['mask', 'overlay', 'cutout'],
  ),
  resolution: sideOrFull(
    '--resolution <n>',
    'masks: longer side of the photo as the network sees it, or full (default: as in training)',
  ),
  tile: count('--tile <n>', 'masks: side of the tiles that larger photos are cut into (default: 512)', 64),
  threshold: real('--threshold <p>', 'masks: probability from which on a pixel is foreground (default: 0.5)', {
    above: 0,
    below: 1,
  }),
  invert: flag('--invert', 'swap black and white: for dark ink on light paper and a network trained on the reverse'),
  ...computeFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const runField = text('run', 'a run directory, a file of weights, or a network by name with --weights');
const imagesField: Fields[string] = {
  ...text('images', 'image files, folders or patterns'),
  expected: 'a list of image files',
  schema: (z) => z.array(z.string().min(1)).min(1),
};

export function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .argument('<run>', runField.help)
    .argument('<images...>', imagesField.help)
    .description('say what a trained network sees in images, or cut it out of them')
    .addHelpText(
      'after',
      `
Examples:
  fovea predict runs/lenet digit.png
  fovea predict runs/people me.jpg --out cut.png
  fovea predict runs/people 'photos/*.jpg' --mode overlay --out overlays/`,
    );
  addFields(command, predictFields).action(action(predictFields, { run: runField, images: imagesField }, predict));
}

async function predict({ values, terminal, interrupt, device }: Context): Promise<void> {
  const run = values.run as string;
  const [
    { objectiveOf },
    { openTrained },
    { fitOf },
    { loadImage },
    { topClasses },
    { Trainer },
    { formatShape, hostTensor },
    text,
  ] = await Promise.all([
    import('../train/load.js'),
    import('./trained.js'),
    import('./data-source.js'),
    import('../node/image.js'),
    import('../train/ranked.js'),
    import('../train/trainer.js'),
    import('../tensor/shape.js'),
    import('./terminal.js'),
  ]);
  const [{ formatPercent }, { imageFiles }] = await Promise.all([
    import('../report/format.js'),
    import('../node/inputs.js'),
  ]);
  const backend = await device();
  const { config, net, file } = await openTrained(run, values.weights as string | undefined, terminal);
  const objective = { ...objectiveOf(config), ...convolutionsFor(values), backend };
  const files = await imageFiles(values.images as string[]);
  const { tileGeometry } = await import('../train/tiles.js');
  const geometry = tileGeometry(net, config.inputShape);
  if (geometry) {
    const { predictMasks } = await import('./predict-masks.js');
    const asked = { run, config, net, objective, geometry, weights: file.replace('.safetensors', '') };
    return predictMasks(asked, files, values, { terminal, interrupt });
  }
  const unused = (['out', 'mode', 'resolution', 'tile', 'threshold'] as const).find(
    (name) => values[name] !== undefined,
  );
  if (unused) throw new Error(`--${unused} is for networks that make masks; the network of ${run} names classes`);
  const [channels, height, width] = config.inputShape;
  if (channels !== 1 && channels !== 3)
    throw new Error(`the network of ${run} takes ${channels} channels; image files have 1 or 3`);
  const area = channels * height * width;
  const pixels = new Uint8Array(files.length * area);
  const how = { channels, size: [height, width], fit: fitOf(config), invert: values.invert === true } as const;
  for (const [i, path] of files.entries()) {
    const image = await loadImage(path, how);
    pixels.set(image.data, i * area);
    if (!how.invert && looksInverted(image.data, config.normalize.mean))
      terminal.warn(
        `${path} is mostly light, the training images are mostly dark: if it is ink on paper, try --invert`,
      );
  }
  const trainer = new Trainer(net, { ...objective, normalize: config.normalize });
  const top = Math.min((values.top as number | undefined) ?? 3, config.classes.length);
  const ranked: Ranked[][] = [];
  try {
    // A few images at a time: one program for full groups and one for the rest.
    for (let from = 0; from < files.length; from += 16) {
      const size = Math.min(16, files.length - from);
      const group = pixels.subarray(from * area, (from + size) * area);
      const output = await trainer.predict(hostTensor(group, [size, channels, height, width]));
      if (output.shape.length !== 2)
        throw new Error(`the network of ${run} gives an output of shape ${formatShape(output.shape)}, not classes`);
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
