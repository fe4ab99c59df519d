import type { StartForm } from '../../../../src/server/studio/api.js';
import type { Json, RunConfig } from '../../../../src/train/config.js';
import { CHOSEN, type Draft } from './draft.js';

/** A value as one types it: `['hflip', 'crop:4']` -> `hflip,crop:4`, a specification -> `step:stepSize=5`. */
export function typed(value: Json): string {
  if (Array.isArray(value)) return value.map(typed).join(',');
  if (value === null || typeof value !== 'object') return String(value);
  const { name, options } = value as { name?: Json; options?: { [key: string]: Json } };
  if (typeof name !== 'string') return JSON.stringify(value);
  if (name === 'sum' && Array.isArray(options?.terms)) return typedSum(options.terms);
  const words = Object.entries(options ?? {}).map(
    ([key, v]) => `${key}=${typeof v === 'string' ? v : JSON.stringify(v)}`,
  );
  return words.length > 0 ? `${name}:${words.join(',')}` : name;
}

const typedSum = (terms: readonly Json[]): string =>
  (terms as unknown as { weight?: number; loss: Json }[])
    .map(({ weight = 1, loss }) => (weight === 1 ? typed(loss) : `${weight}*${typed(loss)}`))
    .join('+');

/** The words of a command line, without their quotes. */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  for (const [word] of command.matchAll(/(?:'[^']*'|\\.|[^\s'\\])+/g))
    words.push(word.replace(/'([^']*)'|\\(.)/g, (_, inside?: string, one?: string) => inside ?? one ?? ''));
  return words;
}

/**
 * The settings of a run, to start another like it: what its command line said, else what its configuration holds.
 * Undefined if its network came from a program or a file of one's own.
 */
export function draftOf(config: RunConfig, form: StartForm): Draft | undefined {
  const { model, extra } = config;
  if (!model || 'path' in model) return undefined;
  const { command, cwd } = (extra ?? {}) as { command?: string; cwd?: string };
  const words = typeof command === 'string' ? wordsOf(command) : [];
  const plain = words[0] === 'fovea' && words[1] === 'train' && !/ --(config|resume)\b/.test(command!);
  const draft = plain ? fromCommand(words.slice(2), form) : fromConfig(config);
  const known = form.data.some((d) => d.name === draft.data);
  // A path means what it meant where the run was started.
  const elsewhere = cwd && draft.data !== '' && !known && !/^([/~]|[A-Za-z]:)/.test(draft.data);
  return elsewhere ? { ...draft, data: `${cwd}/${draft.data}` } : draft;
}

function fromCommand(words: readonly string[], form: StartForm): Draft {
  let model: string | undefined;
  const found: Record<string, string> = {};
  for (let i = 0; i < words.length; i++) {
    const [flag = '', ...rest] = words[i]!.split('=');
    if (!flag.startsWith('--')) {
      model = words[i]!;
      continue;
    }
    const field = form.fields.find((f) => f.flag === flag);
    const name = field?.name ?? (['--recipe', '--data'].includes(flag) ? flag.slice(2) : undefined);
    const next = words[i + 1];
    const alone = field?.kind === 'flag' || rest.length > 0 || next === undefined || next.startsWith('--');
    const value = rest.length > 0 ? rest.join('=') : alone ? 'true' : next;
    if (!alone) i++;
    if (name !== undefined) found[name] = value;
  }
  const { recipe, data = '', ...values } = found;
  for (const name of CHOSEN) delete values[name];
  return { ...(model === undefined ? {} : { model }), ...(recipe === undefined ? {} : { recipe }), data, values };
}

function fromConfig({ model, data, training }: RunConfig): Draft {
  const spec = model as { name: string; options?: { [key: string]: Json } };
  const { classes: _, features, ...options } = spec.options ?? {};
  const from = (data ?? {}) as { name?: string; options?: { [key: string]: Json } };
  const given: Record<string, Json | undefined> = {
    features,
    epochs: training.epochs,
    batchSize: training.batchSize,
    seed: training.seed,
    accumulate: training.accumulate,
    optimizer: training.optimizer,
    loss: training.loss,
    scheduler: training.scheduler,
    ema: training.ema,
    clipNorm: training.clip?.norm,
    clipValue: training.clip?.value,
    size: sizeOf(from.options?.size),
    channels: from.options?.channels,
    augment: from.options?.augment,
    images: from.options?.images,
    limit: from.options?.limit,
    valid: from.options?.valid,
  };
  const values: Record<string, string> = {};
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && value !== null) values[name] = typed(value);
  return { model: typed({ name: spec.name, options }), data: from.name ?? '', values };
}

/** `[96, 128]` -> `96x128` */
const sizeOf = (size: Json | undefined): Json | undefined => (Array.isArray(size) ? size.join('x') : size);
