import { NORMALIZE } from '../data/normalize.js';
import { recognise } from '../io/layouts/index.js';
import type { Module } from '../nn/module.js';
import type { Optimizer } from '../optim/optimizer.js';
import { parseOptimizer } from '../optim/registry.js';
import { formatCount, formatPlain } from '../report/format.js';
import type { Normalize } from '../train/config.js';
import { startFrom } from '../train/start.js';
import type { WeightsFile } from '../train/weightsFile.js';
import type { Json, Spec } from '../util/registry.js';
import { CommandError } from './errors.js';
import type { StartValues } from './start-fields.js';
import type { Terminal } from './terminal.js';
import { normalizeFor, readWeightsAt } from './trained.js';

/** Weights to begin with, and how their images were normalised. */
export interface StartFile {
  readonly file: WeightsFile;
  readonly normalize: Normalize | undefined;
}

/** Reads what `--weights` names, before data is opened. */
export async function openStart({ weights }: StartValues): Promise<StartFile | undefined> {
  if (weights === undefined) return undefined;
  const file = await readWeightsAt(weights);
  return { file, normalize: file.config?.normalize ?? knownNormalize(file) };
}

/** A file of a network that nobody knows may still fit the one that is trained: nothing is said of its images then. */
function knownNormalize(file: WeightsFile): Normalize | undefined {
  try {
    const known = recognise(file.weights, file.file);
    return known.layout === 'fovea' ? undefined : normalizeFor(known);
  } catch {
    return undefined;
  }
}

/** The normalisation that data is to be opened with; undefined: its own. */
export function startNormalize(
  { normalize }: StartValues,
  start: StartFile | undefined,
  terminal: Terminal,
): Normalize | undefined {
  if (normalize === 'data') return undefined;
  if (typeof normalize === 'object') return normalize;
  const chosen = normalize === 'imagenet' ? NORMALIZE.imagenet : start?.normalize;
  if (chosen && normalize === undefined)
    terminal.note(
      `images are normalised as ${start!.file.config ? `${start!.file.file} was trained` : 'the authors of these weights do'}: mean ${chosen.mean.map(formatPlain).join(', ')}, std ${chosen.std.map(formatPlain).join(', ')} (--normalize data: by the data's own)`,
    );
  return chosen;
}

/** Puts the weights into the network and says what is new. */
export function applyStart(net: Module, { file }: StartFile, terminal: Terminal): void {
  const { taken, news, unused } = startFrom(net, file.weights, file.file);
  const total = net.states().size;
  const fresh = news.length > 0 ? `; new: ${news.join(', ')}` : '';
  const left = unused.length > 0 ? `; ${formatCount(unused.length)} of the file's are not needed` : '';
  terminal.note(
    `begins with ${file.file}: ${formatCount(taken.length)} of ${formatCount(total)} tensors${fresh}${left}`,
  );
}

/** The optimizer with a learning rate of its own for each part that `--lr-scale` names. */
export function scaledOptimizer(spec: Spec, { lrScale = [] }: StartValues): Optimizer {
  const plain = parseOptimizer(spec);
  if (lrScale.length === 0) return plain;
  const lr = plain.groups.at(-1)!.lr;
  const parts = lrScale.map((item) => {
    const [, params, factor] = /^([\w.*]+)=(.+)$/.exec(item) ?? [];
    const scale = Number(factor);
    if (params === undefined || !(scale >= 0) || !Number.isFinite(scale))
      throw new CommandError(`--lr-scale is ${JSON.stringify(item)}, expected for example features=0.1`);
    return { params, lr: lr * scale };
  });
  // A parameter belongs to the first group that it matches: the longest name is the nearest.
  parts.sort((a, b) => b.params.length - a.params.length);
  const given = (spec.options?.groups ?? []) as readonly Json[];
  return parseOptimizer({ name: spec.name, options: { ...spec.options, groups: [...parts, ...given] } });
}

/** Says what the parts learn with. Throws if one of them has nothing to learn. */
export function checkScales(
  net: Module,
  optimizer: Optimizer,
  { lrScale = [] }: StartValues,
  terminal: Terminal,
): void {
  if (lrScale.length === 0) return;
  const paths = [...net.parameters()].filter(([, p]) => p.requiresGrad).map(([path]) => path);
  const used = new Set(paths.map((path) => optimizer.groups.findIndex((g) => g.matches(path))));
  const names = lrScale.map((item) => item.split('=')[0]!).sort((a, b) => b.length - a.length);
  const empty = names.find((_, i) => !used.has(i));
  if (empty !== undefined) {
    const parts = [...new Set(paths.map((path) => path.split('.')[0]))].join(', ');
    throw new CommandError(`--lr-scale names "${empty}", where nothing is trained (parts that are: ${parts})`);
  }
  const rates = names.map((name, i) => `${name} ${formatPlain(optimizer.groups[i]!.lr)}`);
  terminal.note(`learning rates: ${rates.join(', ')}, everything else ${formatPlain(optimizer.groups.at(-1)!.lr)}`);
}
