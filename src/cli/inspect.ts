import type { Command } from 'commander';
import type { ImageShape } from '../models/registry.js';
import type { RunConfig } from '../train/config.js';
import type { Spec } from '../util/registry.js';
import { CommandError, ExitCode } from './errors.js';
import {
  addFields,
  common,
  count,
  deviceFields,
  type Fields,
  flag,
  inputShape,
  several,
  spec,
  text,
  weightsField,
} from './fields.js';
import type { Untrained } from './network.js';
import { action, type Context } from './run.js';

const inspectFields = {
  input: inputShape,
  classes: count('--classes <n>', "number of classes (default: the network's own)"),
  batch: count('--batch <n>', 'batch size of the training memory (default: 32)'),
  optimizer: spec('--optimizer <name>', "optimizer of the training memory (default: the network's own)"),
  depth: count('--depth <n>', 'put layers together below this many parts of their names'),
  svg: text('--svg <file>', 'draw the architecture'),
  weights: weightsField,
  filters: flag('--filters', 'of a run: a picture of the first layer’s filters'),
  layer: several('--layer <paths>', 'of a run: what these layers make of --image, as a picture'),
  gradCam: flag('--grad-cam', 'of a run: where in --image the evidence for a class lies'),
  image: text('--image <file>', 'the image to look at'),
  class: text(
    '--class <name>',
    'class of --grad-cam, by name or number (default: the most likely; of masks, the largest)',
  ),
  invert: flag('--invert', 'swap black and white of --image'),
  out: text('--out <file>', 'where the picture goes (default: inside the run directory)'),
  ...deviceFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const targetField = text(
  'target',
  'a network by name, a file with one of your own, a run directory or a file of weights',
);

export function addInspect(program: Command): void {
  const command = program
    .command('inspect')
    .argument('<target>', targetField.help)
    .description('show what a network is made of and what it costs, draw it, or look inside a trained one')
    .addHelpText(
      'after',
      `
Examples:
  fovea inspect vgg16 --svg vgg16.svg
  fovea inspect googlenet --input 3x128x128 --classes 10 --depth 1
  fovea inspect ./my-net.js --input 3x64x64
  fovea inspect runs/lenet --layer features.0,features.3 --image digit.png`,
    );
  addFields(command, inspectFields).action(action(inspectFields, { target: targetField }, inspect));
}

/** What is looked at. */
export interface Target extends Untrained {
  /** Where it is a trained network. */
  readonly run?: { readonly path: string; readonly file: string; readonly config: RunConfig };
}

async function inspect(context: Context): Promise<void> {
  const { values } = context;
  checkUsage(values);
  const target = await open(context);
  if (!wantsPicture(values)) return analyseTarget(context, target);
  if (!target.run)
    throw new CommandError(
      `${target.name} has no trained weights to look at: give a run directory (fovea runs lists them)`,
    );
  const { drawInside } = await import('./inspect-pictures.js');
  await drawInside(context, { ...target, run: target.run });
}

const wantsPicture = (values: Context['values']) => Boolean(values.layer || values.gradCam || values.filters);

function checkUsage(values: Context['values']): void {
  const usage = (sentence: string) => {
    throw new CommandError(sentence, ExitCode.usage);
  };
  if ((values.layer || values.gradCam) && !values.image)
    usage(`${values.layer ? '--layer' : '--grad-cam'} needs an image to look at: add --image FILE`);
  if (values.image && !values.layer && !values.gradCam)
    usage('--image needs to know what to show of it: add --layer PATH or --grad-cam');
  if ([values.filters, values.gradCam].filter(Boolean).length > 1) usage('choose one of --filters and --grad-cam');
  if (values.filters && values.layer) usage('choose one of --filters and --layer');
  if (wantsPicture(values) && (values.input || values.classes))
    usage('a trained network has the input and classes it was trained with: leave out --input and --classes');
  if (values.out && !wantsPicture(values))
    usage('--out is for --layer, --grad-cam and --filters; a drawing of the architecture is --svg FILE');
  if (values.class !== undefined && !values.gradCam) usage('--class is for --grad-cam');
}

async function open({ values, terminal }: Context): Promise<Target> {
  const name = values.target as string;
  const input = values.input as ImageShape | undefined;
  const classes = values.classes as number | undefined;
  const weights = values.weights as string | undefined;
  const { isTrained } = await import('./trained.js');
  if (isTrained(name, weights)) return openRun(name, weights, terminal, input, classes);
  const { untrainedNetwork } = await import('./network.js');
  return untrainedNetwork(name, input, classes);
}

async function openRun(
  path: string,
  weights: string | undefined,
  terminal: Context['terminal'],
  input?: ImageShape,
  classes?: number,
): Promise<Target> {
  const [{ openTrained }, { networkTitle }] = await Promise.all([import('./trained.js'), import('./network.js')]);
  const { config, net, file, from } = await openTrained(path, weights, terminal);
  if (classes !== undefined && classes !== config.classes.length)
    throw new CommandError(`the network of ${path} has ${config.classes.length} classes: leave out --classes`);
  const optimizer = config.training.optimizer as unknown as Spec;
  return {
    name: networkTitle(config, net),
    net,
    inputShape: input ?? config.inputShape,
    optimizer,
    // Pictures go into the run, or beside the file.
    run: { path: from.endsWith(`/${file}`) ? from.slice(0, -file.length - 1) : '.', file, config },
  };
}

async function analyseTarget({ values, terminal, device }: Context, target: Target): Promise<void> {
  const [
    { analyse, drawArchitecture, foldLayers, HEADINGS, layerCells, measureSpeed, predictTime, totals },
    optim,
    text,
  ] = await Promise.all([import('../inspect/index.js'), import('../optim/registry.js'), import('./terminal.js')]);
  const { toSpec } = await import('./spec.js');
  const asked = (values.optimizer as string | Spec | undefined) ?? target.optimizer;
  const optimizer = asked === undefined ? undefined : optim.parseOptimizer(toSpec(asked));
  const { net, inputShape, name } = target;
  const analysis = analyse(net, { inputShape, batch: values.batch as number | undefined, optimizer });
  const backend = await device();
  const svg = values.svg as string | undefined;
  if (svg !== undefined) {
    const { writeFileAtomic } = await import('../node/storage.js');
    await writeFileAtomic(svg, drawArchitecture(net, { inputShape, title: name }));
  }
  const predicted = predictTime(analysis, await measureSpeed(backend));
  const modules = new Map(net.modules());
  const depth = values.depth as number | undefined;
  const rows = depth ? foldLayers(analysis.layers, depth, (p) => modules.get(p)?.constructor.name) : analysis.layers;
  const { formatSeconds } = await import('../inspect/table.js');
  const shown = [
    text.table([HEADINGS, ...rows.map(layerCells)], { right: [3, 4, 5, 6, 7] }),
    '',
    text.facts([
      [
        'network',
        `${name}, ${shapeText(inputShape)} to ${Object.values(analysis.outputShapes).map(shapeText).join(', ')}`,
      ],
      ...totals(analysis),
      [
        'time on this device',
        `about ${formatSeconds(predicted.inferenceSeconds)} for one image, ${formatSeconds(predicted.trainingStepSeconds)} for a training step of ${analysis.training.batch}`,
      ],
      [
        '',
        `estimated from ${predicted.gflops.toPrecision(3)} GFLOP/s in 3x3 convolutions, ${predicted.plainGflops.toPrecision(3)} in others, and ${predicted.gigabytesPerSecond.toPrecision(2)} GB/s of memory, measured just now`,
      ],
      ...(svg === undefined ? [] : [['drawing', svg] as [string, string]]),
    ]),
  ].join('\n');
  terminal.answer(
    {
      model: name,
      ...analysis,
      layers: rows,
      optimizer: optimizer?.spec ?? null,
      predicted,
      ...(svg === undefined ? {} : { svg }),
      device: backend.device,
    },
    shown,
  );
}

const shapeText = (shape: readonly number[]) => shape.join('x');
