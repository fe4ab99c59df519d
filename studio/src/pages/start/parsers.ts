// Fetched when something is first typed that has a grammar of its own: the parsers of the command line say what is wrong.
import { augmentations } from '../../../../src/data/transforms/index.js';
import { parseLoss } from '../../../../src/losses/registry.js';
import { parseMetric } from '../../../../src/metrics/registry.js';
import { modelEntry } from '../../../../src/models/index.js';
import { parseOptimizer, parseScheduler } from '../../../../src/optim/registry.js';
import { readSpec, splitOutsideBrackets } from '../../../../src/util/spec.js';
import { typed } from './prefill.js';

const PARSERS: Readonly<Record<string, (text: string) => unknown>> = {
  loss: parseLoss,
  // The learning rate may come from its own field.
  optimizer: (text) => {
    const { name, options } = readSpec(text);
    return parseOptimizer({ name, options: { lr: 0.01, ...options } });
  },
  scheduler: (text) => parseScheduler(readSpec(text)),
  augment: (text) => augmentations(splitOutsideBrackets(text)),
  metrics: (text) => splitOutsideBrackets(text).map((part) => parseMetric(part)),
};

/** What is wrong with a value, in a sentence. */
export function parsingProblem(name: string, value: string): string | undefined {
  const parse = PARSERS[name];
  if (!parse || value.trim() === '') return undefined;
  try {
    parse(value.trim());
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** How a network is trained where nobody says otherwise. */
export function ownOptimizer(network: string): { optimizer: string; lr: string } | undefined {
  try {
    const { name, options = {} } = modelEntry(network).optimizer;
    const { lr, ...rest } = options;
    return { optimizer: typed({ name, options: rest as never }), lr: String(lr) };
  } catch {
    return undefined;
  }
}
