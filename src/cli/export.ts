import type { Command } from 'commander';
import type { Fit } from '../data/open.js';
import type { ExportedNetwork } from '../export/onnx.js';
import type { ImageShape } from '../models/registry.js';
import type { RunConfig } from '../train/config.js';
import { CommandError, ExitCode } from './errors.js';
import { addFields, choice, common, computeFields, count, type Fields, flag, inputShape, text } from './fields.js';
import { action, type Context } from './run.js';

/** What is exported: a network with its weights on the host. */
export interface ExportSource extends ExportedNetwork {
  /** What the user named. */
  readonly from: string;
  /** Where the weights are from, for people. */
  readonly weights: string;
  /** How images became the size of the training images. */
  readonly fit: Fit;
  /** Name of the data set that it was trained on, if that is known. */
  readonly data?: string;
  /** Of a trained network: its whole configuration. */
  readonly config?: RunConfig;
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
  const to = (values.to as string | undefined) ?? names.find((n) => FORMATS[n]!.endings.some((e) => out.endsWith(e)));
  if (to === undefined) return usage(`say what ${out} is to be: --to ${names.join(' or ')}`);
  const format = FORMATS[to]!;
  if (!format.endings.some((ending) => out.toLowerCase().endsWith(ending)))
    usage(`${out}: a file of --to ${to} ends in ${format.endings.join(' or ')}`);
  for (const name of new Set(Object.values(FORMATS).flatMap((f) => f.options)))
    if (values[name] !== undefined && !format.options.includes(name)) usage(`--${name} has no meaning for --to ${to}`);
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
  const { isWeightsPath, openTrained } = await import('./trained.js');
  const { existsSync, statSync } = await import('node:fs');
  const isCode = /\.[cm]?[jt]s$/i.test(from);
  const isFolder = existsSync(from) ? statSync(from).isDirectory() : /[/\\]/.test(from);
  if (weights !== undefined || isWeightsPath(from) || (isFolder && !isCode)) {
    if (values.input || values.classes)
      throw new CommandError(
        `the weights of ${from} fix its input and classes: leave out --input and --classes`,
        ExitCode.usage,
      );
    const { dataOf } = await import('./data-source.js');
    const { config, net, from: file } = await openTrained(from, weights, terminal);
    const { inputShape, classes, normalize, model } = config;
    await check(from, { net, inputShape });
    return describe(from, {
      net,
      name: model && 'name' in model && model.name ? model.name : net.constructor.name,
      inputShape,
      classes,
      normalize,
      fit: (dataOf(config)?.options.fit as Fit | undefined) ?? 'fill',
      data: dataOf(config)?.name,
      weights: file,
      config,
    });
  }
  return untrained(from, context, check);
}

type Check = (from: string, network: Pick<ExportSource, 'net' | 'inputShape'>) => Promise<void>;

async function untrained(from: string, { values, terminal, device }: Context, check: Check): Promise<ExportSource> {
  const [{ untrainedNetwork }, { modelEntry, modelNames }, { materialise, readBack }] = await Promise.all([
    import('./network.js'),
    import('../models/index.js'),
    import('../nn/materialise.js'),
  ]);
  const made = await untrainedNetwork(
    from,
    values.input as ImageShape | undefined,
    values.classes as number | undefined,
  );
  const { net, name, inputShape } = made;
  await check(from, made);
  const backend = await device();
  const store = backend.createStore();
  await materialise(net, backend, store, 0);
  await readBack(net, store);
  store.dispose();
  terminal.warn(`${from} is not trained: what is written holds random first values; give a run directory`);
  const entry = modelNames().includes(name) ? modelEntry(name) : undefined;
  const classes = (values.classes as number | undefined) ?? entry?.classes ?? 10;
  const [channels] = inputShape;
  const known = entry?.preprocessing?.mean.length === channels ? entry.preprocessing : undefined;
  const all = (value: number) => new Array<number>(channels).fill(value);
  return describe(from, {
    net,
    name,
    inputShape,
    classes:
      entry?.task === 'segmentation' && classes === 1
        ? ['background', 'foreground']
        : Array.from({ length: classes }, (_, i) => String(i)),
    normalize: known ? { mean: known.mean, std: known.std } : { mean: all(0), std: all(1) },
    fit: 'fill',
    weights: 'first values, seed 0',
  });
}

async function describe(from: string, parts: Omit<ExportSource, 'from' | 'task'>): Promise<ExportSource> {
  const { tileGeometry } = await import('../train/tiles.js');
  const task = tileGeometry(parts.net.eval(), parts.inputShape) ? 'segmentation' : 'classification';
  return { ...parts, from, task };
}
