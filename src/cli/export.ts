import type { Command } from 'commander';
import type { PageSource } from '../export/forPage.js';
import type { ImageShape } from '../models/registry.js';
import type { Json, RunConfig } from '../train/config.js';
import { CommandError, ExitCode } from './errors.js';
import { addFields, choice, common, computeFields, count, type Fields, flag, inputShape, text } from './fields.js';
import { action, type Context } from './run.js';

/** What is exported: a network with its weights on the host. */
export interface ExportSource extends PageSource {
  /** Where the weights are from, for people. */
  readonly weights: string;
  /** How the network is made again, and what it was trained for. */
  readonly config: RunConfig;
}

/** Writes one kind of file. Everything that can be wrong with the request is said before work begins. */
export type Exporter = (context: Context, source: ExportSource, out: string) => Promise<void>;

interface Format {
  readonly summary: string;
  readonly endings: readonly string[];
  /** Options that this format alone understands, by their names among the fields. */
  readonly options: readonly string[];
  readonly load: () => Promise<Exporter>;
  /** Throws one sentence for a network that it cannot hold, before the network has weights. */
  readonly check?: (from: string, network: Pick<ExportSource, 'net' | 'inputShape'>, half: boolean) => Promise<void>;
}

/** The formats of `--to`. */
const FORMATS: Readonly<Record<string, Format>> = {
  onnx: {
    summary: 'for onnxruntime and everything that reads ONNX',
    endings: ['.onnx'],
    options: ['preprocess', 'layout', 'half'],
    load: async () => (await import('./export-onnx.js')).exportOnnxFile,
  },
  html: {
    summary: 'one page that works without a server: network, runtime and preprocessing',
    endings: ['.html', '.htm'],
    options: ['half', 'title'],
    load: async () => (await import('./export-html.js')).exportPage,
    check: async (...network) => (await import('./export-html.js')).checkForPage(...network),
  },
  safetensors: {
    summary: 'one file that says what its network is: all that fovea predict needs',
    endings: ['.safetensors'],
    options: [],
    load: async () => (await import('./export-weights.js')).exportWeights('safetensors'),
  },
  pth: {
    summary: "PyTorch's state dict, with torchvision's names",
    endings: ['.pth', '.pt'],
    options: [],
    load: async () => (await import('./export-weights.js')).exportWeights('pth'),
  },
};

const names = Object.keys(FORMATS);

const endsAs = ({ endings }: Format, file: string): boolean => endings.some((e) => file.toLowerCase().endsWith(e));

/** The format that a file's ending tells. */
export const formatOf = (file: string): string | undefined => names.find((name) => endsAs(FORMATS[name]!, file));

const exportFields = {
  to: choice('--to <format>', `${names.join(' or ')} (default: what the ending of --out says)`, names),
  out: text('--out <file>', 'the file to write'),
  weights: text('--weights <which>', 'best or last of a run, or a file of weights (default: best)'),
  preprocess: flag('--preprocess', 'onnx: take bytes 0..255 and normalise them inside the graph'),
  layout: choice('--layout <order>', 'onnx with --preprocess: nchw, or nhwc as image decoders give (default: nchw)', [
    'nchw',
    'nhwc',
  ]),
  half: flag('--half', 'store the weights in half precision: half the size, about three digits'),
  title: text('--title <text>', 'html: heading of the page (default: the name of the run)'),
  input: inputShape,
  classes: count('--classes <n>', "of a network without a run: number of classes (default: the network's own)"),
  ...computeFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const sourceField = text('source', 'a run directory, a file of weights, or a network by name');

export function addExport(program: Command): void {
  const command = program
    .command('export')
    .argument('<source>', sourceField.help)
    .description('write a trained network as a file that other programs use')
    .addHelpText(
      'after',
      `
Formats:
${names.map((name) => `  ${name.padEnd(12)} ${FORMATS[name]!.summary}`).join('\n')}

Examples:
  fovea export runs/lenet --to onnx --out lenet.onnx
  fovea export runs/people --to onnx --preprocess --layout nhwc --half --out people.onnx
  fovea export runs/people --to html --out people.html`,
    );
  addFields(command, exportFields).action(action(exportFields, { source: sourceField }, exportNetwork));
}

async function exportNetwork(context: Context): Promise<void> {
  const { values } = context;
  const usage = (sentence: string): never => {
    throw new CommandError(sentence, ExitCode.usage);
  };
  const out = values.out as string | undefined;
  if (out === undefined) return usage(`say where the file is to be written: --out FILE${endings()}`);
  const to = (values.to as string | undefined) ?? formatOf(out);
  if (to === undefined) return usage(`say what ${out} is to be: --to ${names.join(' or ')}`);
  const format = FORMATS[to]!;
  if (!endsAs(format, out)) usage(`${out}: a file of --to ${to} ends in ${format.endings.join(' or ')}`);
  for (const name of new Set(Object.values(FORMATS).flatMap((f) => f.options)))
    if (values[name] !== undefined && !format.options.includes(name)) usage(`--${name} has no meaning for --to ${to}`);
  if (values.layout === 'nhwc' && !values.preprocess) usage('--layout nhwc is for bytes: add --preprocess');
  const source = await openSource(context, async (from, network) =>
    format.check?.(from, network, values.half === true),
  );
  await (await format.load())(context, source, out);
}

const endings = () => ` (${names.flatMap((n) => FORMATS[n]!.endings).join(', ')})`;

/** A trained network from a run or a file of weights, or a network with its first values. */
async function openSource(context: Context, check: Check): Promise<ExportSource> {
  const { values, terminal } = context;
  const from = values.source as string;
  const weights = values.weights as string | undefined;
  const { isTrained, openTrained } = await import('./trained.js');
  if (!isTrained(from, weights)) return describeSource(from, await untrained(from, context, check));
  if (values.input || values.classes)
    throw new CommandError(
      `the weights of ${from} fix its input and classes: leave out --input and --classes`,
      ExitCode.usage,
    );
  const { config, net, from: file } = await openTrained(from, weights, terminal);
  await check(from, { net, inputShape: config.inputShape });
  return describeSource(from, { config, net, weights: file });
}

type Check = (from: string, network: Pick<ExportSource, 'net' | 'inputShape'>) => Promise<void>;

type Opened = Pick<ExportSource, 'config' | 'net' | 'weights'>;

async function untrained(from: string, { values, terminal, device }: Context, check: Check): Promise<Opened> {
  const [
    { isModelPath, untrainedNetwork },
    { asTheyAre, configWithoutRun },
    { parseSpec },
    { modelEntry },
    { materialise, readBack },
    { tileGeometry },
  ] = await Promise.all([
    import('./network.js'),
    import('./trained.js'),
    import('./spec.js'),
    import('../models/index.js'),
    import('../nn/materialise.js'),
    import('../train/tiles.js'),
  ]);
  const asked = values.classes as number | undefined;
  const { net, name, inputShape, optimizer } = await untrainedNetwork(
    from,
    values.input as ImageShape | undefined,
    asked,
  );
  await check(from, { net, inputShape });
  const backend = await device();
  const store = backend.createStore();
  await materialise(net, backend, store, 0);
  await readBack(net, store);
  store.dispose();
  terminal.warn(`${from} is not trained: what is written holds random first values; give a run directory`);
  const entry = isModelPath(from) ? undefined : modelEntry(name);
  const masks = tileGeometry(net.eval(), inputShape);
  const [channels] = inputShape;
  const known = entry?.preprocessing?.mean.length === channels ? entry.preprocessing : undefined;
  const config = configWithoutRun({
    task: masks ? 'segmentation' : 'classification',
    model: entry ? { ...parseSpec(from), name } : { path: from },
    inputShape,
    outputs: masks?.outputs ?? asked ?? entry?.classes ?? 10,
    normalize: known ? { mean: known.mean, std: known.std } : asTheyAre(channels),
    parameters: net.parameterCount(),
    description: 'not trained',
    ...(optimizer ? { optimizer: optimizer as unknown as Json } : {}),
  });
  return { config, net, weights: 'first values, seed 0' };
}

/** A network with its weights as what exports take. */
export async function describeSource(from: string, { config, net, weights }: Opened): Promise<ExportSource> {
  const [{ tileGeometry }, { networkTitle }, { dataOf, fitOf }] = await Promise.all([
    import('../train/tiles.js'),
    import('./network.js'),
    import('./data-source.js'),
  ]);
  const { inputShape, classes, normalize } = config;
  const masks = tileGeometry(net.eval(), inputShape) !== undefined;
  return {
    from,
    net,
    weights,
    config,
    name: networkTitle(config, net),
    inputShape,
    classes,
    normalize,
    task: masks ? 'segmentation' : 'classification',
    fit: fitOf(config) ?? (masks ? 'fill' : 'cover'),
    data: dataOf(config)?.name,
  };
}
