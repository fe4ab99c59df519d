import { z } from 'zod';
import type { Field } from '../../cli/fields.js';
import { presetNames, transformNames } from '../../data/transforms/index.js';
import { lossRegistry } from '../../losses/registry.js';
import { metricRegistry } from '../../metrics/registry.js';
import { modelEntry, modelNames } from '../../models/index.js';
import { listDatasets } from '../../node/datasets.js';
import { optimizers, schedulerRegistry } from '../../optim/registry.js';
import { formatBytes } from '../../report/format.js';
import { RECIPES } from '../../train/recipes.js';
import type { FormField, RunSummary, StartForm } from './api.js';
import { flagOf, isSwitch, startFields } from './request.js';

/** What matters most, in the order in which one decides it. */
const MAIN = ['epochs', 'batchSize', 'lr', 'optimizer', 'scheduler', 'loss', 'augment', 'size', 'limit', 'seed'];
/** Asked for in a place of their own. */
const APART = ['recipe', 'data'];

/** Names that a field of text knows: it takes options behind them, and sums, and so is no choice. */
const NAMES: Readonly<Record<string, () => readonly string[]>> = {
  optimizer: () => optimizers.names(),
  scheduler: () => schedulerRegistry.names(),
  loss: () => lossRegistry.names(),
  metrics: () => metricRegistry.names(),
  augment: () => [...presetNames(), ...transformNames()],
};

/** What the form of a new run asks for: networks, recipes, data, and the options of `fovea train`. */
export async function startForm(runs: readonly RunSummary[]): Promise<StartForm> {
  const order = (name: string) => (MAIN.includes(name) ? MAIN.indexOf(name) : MAIN.length);
  const fields = Object.entries(startFields).filter(([name]) => !APART.includes(name));
  return {
    networks: modelNames().map((name) => {
      const { summary, task } = modelEntry(name);
      return { name, summary, task };
    }),
    recipes: Object.entries(RECIPES).map(([name, { summary, network }]) => ({ name, summary, network })),
    data: await dataSets(runs),
    // Sorting keeps the order of the rest.
    fields: fields.sort(([a], [b]) => order(a) - order(b)).map(([name, field]) => formField(name, field)),
  };
}

export function formField(name: string, field: Field): FormField {
  const { help } = field;
  return { name, flag: flagOf(field), help, ...kindOf(name, field), main: MAIN.includes(name) };
}

/** What kind of input suits a field, from what it takes. */
function kindOf(name: string, field: Field): Pick<FormField, 'kind' | 'choices'> {
  if (isSwitch(field)) return { kind: 'flag' };
  const schema = field.schema(z);
  if (schema instanceof z.ZodEnum) return { kind: 'choice', choices: schema.options.map(String) };
  if (schema instanceof z.ZodLiteral) return { kind: 'choice', choices: [...schema.values].map(String) };
  if (schema instanceof z.ZodNumber) return { kind: 'number' };
  const choices = NAMES[name]?.();
  return { kind: 'text', ...(choices ? { choices } : {}) };
}

/** Data by name, and folders that runs were trained on. */
async function dataSets(runs: readonly RunSummary[]): Promise<StartForm['data']> {
  const named = (await listDatasets()).map(({ name, title, images, bytes, available, task }) => ({
    name,
    summary: `${title}; ${images}${available ? '' : `; fetched when it is first used, ${formatBytes(bytes)}`}`,
    task,
  }));
  const used = new Map<string, { name: string; summary: string; task: string }>();
  for (const { data, id, task } of runs)
    if (data !== null && !named.some((d) => d.name === data) && !used.has(data))
      used.set(data, { name: data, summary: `as ${id} was trained on`, task: task ?? '' });
  return [...named, ...used.values()];
}
