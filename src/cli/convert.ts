import type { Command } from 'commander';
import type { ImageShape } from '../models/registry.js';
import { CommandError, ExitCode } from './errors.js';
import { formatOf } from './export.js';
import { addFields, choice, common, count, type Fields, flag, inputShape, text } from './fields.js';
import { action, type Context } from './run.js';

const convertFields = {
  out: text('--out <file>', 'the file to write: .safetensors, or .pth for PyTorch'),
  model: text('--model <name>', 'the network, where names and shapes do not tell it, or to set options'),
  classNames: text('--class-names <list|file>', 'names of the classes, by commas or a line each in a file'),
  normalize: choice(
    '--normalize <how>',
    "imagenet, or none: values from 0 to 1 (default: imagenet for torchvision's networks, else none)",
    ['imagenet', 'none'],
  ),
  input: inputShape,
  classes: count('--classes <n>', 'outputs of the network (default: what the weights have)'),
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const sourceField = text('file', 'a file of weights: safetensors, or what torch.save wrote');

export function addConvert(program: Command): void {
  const command = program
    .command('convert')
    .argument('<file>', sourceField.help)
    .description('find out what weights from elsewhere belong to and write them as a file that says so')
    .addHelpText(
      'after',
      `
Known are VGG and GoogLeNet of torchvision and the U-Nets of milesial, mateuszbuda and of many tutorials (docs/weights.md).

Examples:
  fovea convert vgg16-397923af.pth --out vgg16.safetensors --class-names imagenet-classes.txt
  fovea convert googlenet.pth --model googlenet:transform-input=true --out googlenet.safetensors
  fovea convert unet-checkpoint.pth --input 3x256x256 --class-names background,car --out cars.safetensors`,
    );
  addFields(command, convertFields).action(action(convertFields, { file: sourceField }, convert));
}

async function convert({ values, terminal }: Context): Promise<void> {
  const usage = (sentence: string): never => {
    throw new CommandError(sentence, ExitCode.usage);
  };
  const out =
    (values.out as string | undefined) ?? usage('say where the file is to be written: --out FILE.safetensors');
  const format = formatOf(out);
  if (format !== 'safetensors' && format !== 'pth')
    return usage(`${out}: the file to write ends in .safetensors or .pth`);
  const [
    trained,
    { networkFor },
    { NORMALIZE },
    { encodeNetwork },
    { fillWeights },
    { writeFileAtomic },
    { parseSpec },
    { facts },
    { formatBytes },
  ] = await Promise.all([
    import('./trained.js'),
    import('../io/layouts/index.js'),
    import('../data/normalize.js'),
    import('./export-weights.js'),
    import('../train/weights.js'),
    import('../node/storage.js'),
    import('./spec.js'),
    import('./terminal.js'),
    import('../report/format.js'),
  ]);
  const found = await trained.readWeightsAt(values.file as string);
  const model = values.model as string | undefined;
  const known = trained.recogniseFile(
    found,
    {
      ...(model === undefined ? {} : { model: parseSpec(model) }),
      ...(values.input ? { inputShape: values.input as ImageShape } : {}),
      ...(values.classes ? { classes: values.classes as number } : {}),
    },
    terminal,
  );
  const names = await classNames(values.classNames as string | undefined);
  const normalize =
    values.normalize === 'imagenet'
      ? NORMALIZE.imagenet
      : values.normalize === 'none'
        ? trained.asTheyAre(known.inputShape[0])
        : undefined;
  if (normalize && normalize.mean.length !== known.inputShape[0])
    throw new CommandError(`--normalize imagenet is for 3 channels; ${found.file} takes ${known.inputShape[0]}`);
  const config = trained.configFor(known, found.file, { names, normalize });
  const net = fillWeights(networkFor(known), known.weights, found.file);
  const bytes = encodeNetwork(net, config, format);
  await writeFileAtomic(out, bytes);
  const { mean, std } = config.normalize;
  terminal.answer(
    {
      file: found.file,
      found: { format: found.format, within: found.within, layout: known.layout, notes: known.notes },
      model: known.model,
      inputShape: known.inputShape,
      classes: config.classes,
      normalize: config.normalize,
      parameters: config.parameters,
      out,
      bytes: bytes.length,
    },
    facts([
      ['network', `${known.model.name}, ${config.parameters.toLocaleString('en')} parameters`],
      ['names', `as in ${known.layout}`],
      ['images', `${known.inputShape.join(' x ')}, mean ${mean.join(', ')}, std ${std.join(', ')}`],
      ['classes', config.classes.length > 8 ? `${config.classes.length}` : config.classes.join(', ')],
      ['written', `${out}, ${formatBytes(bytes.length)}`],
    ]),
  );
}

/** Names from a list, or from a file with one on each line. */
async function classNames(given: string | undefined): Promise<string[] | undefined> {
  if (given === undefined) return undefined;
  const { existsSync } = await import('node:fs');
  if (!existsSync(given)) return given.split(',').map((name) => name.trim());
  const { readFile } = await import('node:fs/promises');
  const { fileError } = await import('../node/errors.js');
  const content = await readFile(given, 'utf8').catch((error) => {
    throw fileError(error, given, 'read');
  });
  return content
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
}
