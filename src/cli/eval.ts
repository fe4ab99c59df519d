import type { Command } from 'commander';
import { dataFields, dataOptions } from './data-fields.js';
import {
  addFields,
  choice,
  common,
  computeFields,
  convolutionsFor,
  count,
  countOrAuto,
  type Fields,
  flag,
  text,
  weightsField,
} from './fields.js';
import { action, type Context } from './run.js';

export const evalFields = {
  data: text('--data <name|dir>', 'what to measure on (default: the data of the run)'),
  split: choice('--split <name>', 'train, valid, test or all (default: test if there is one, else valid)', [
    'train',
    'valid',
    'test',
    'all',
  ]),
  weights: weightsField,
  batchSize: count(
    '--batch-size <n>',
    "images at once (default: 64; masks: the run's, which whole-batch losses depend on)",
  ),
  workers: countOrAuto('--workers <n>', 'threads that prepare images (default: auto)'),
  ...dataFields,
  ...computeFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const runField = text('run', 'a run directory, a file of weights, or a network by name with --weights');

export function addEval(program: Command): void {
  const command = program
    .command('eval')
    .argument('<run>', runField.help)
    .description('measure a trained network on a data set');
  addFields(command, evalFields).action(action(evalFields, { run: runField }, evaluate));
}

async function evaluate({ values, terminal, interrupt, device }: Context): Promise<void> {
  const run = values.run as string;
  const [
    { objectiveOf },
    { openTrained },
    source,
    { measure },
    { evaluationFacts },
    { facts, Terminal },
    { hasMasks },
    { scoreOf },
    { SCORE_SIDE },
    { formatNumber, formatPercent },
  ] = await Promise.all([
    import('../train/load.js'),
    import('./trained.js'),
    import('./data-source.js'),
    import('./measure.js'),
    import('./finish.js'),
    import('./terminal.js'),
    import('../data/masks.js'),
    import('./score.js'),
    import('../train/score.js'),
    import('../report/format.js'),
  ]);
  const backend = await device();
  const { config, net, file, from } = await openTrained(run, values.weights as string | undefined, terminal);
  const objective = { ...objectiveOf(config), ...convolutionsFor(values), backend };
  const trained = source.dataOf(config);
  const asked = values.data as string | undefined;
  const same = trained !== undefined && (asked === undefined || asked === trained.name);
  const name = asked ?? (trained && source.pathThen(trained.name, config));
  if (!name) throw new Error(`${run} does not say on what data it was trained: give --data`);
  const [channels, height, width] = config.inputShape;
  const { augment: _, limit: __, ...options } = same ? trained.options : {};
  const opening = {
    seed: config.training.seed,
    ...options,
    // What the network was made for, whatever the images are like.
    ...(same && source.isNamedData(name) ? {} : { size: [height, width] as const, channels: channels as 1 | 3 }),
    ...(source.isNamedData(name) ? {} : { classes: config.classes }),
    ...dataOptions(values),
    normalize: config.normalize,
  };
  const data = await source.openWith(terminal, name, opening);
  source.checkClasses(data, config);
  const { split, dataset } = source.chooseSplit(data, values.split as string | undefined, same);
  const evaluation = await measure(
    net,
    objective,
    dataset,
    {
      split: source.splitTitle(split),
      weights: file.replace('.safetensors', ''),
      batchSize: (values.batchSize as number | undefined) ?? (hasMasks(dataset) ? config.training.batchSize : 64),
      workers: values.workers as number | 'auto' | undefined,
      signal: interrupt.signal,
      samples: false,
    },
    terminal,
  );
  const stretched = (opening.fit ?? 'fill') === 'fill';
  const scored = await scoreOf(config, net, dataset, objective, stretched, async (size) => {
    const again = await source.openWith(new Terminal(true, true), name, { ...opening, size, fit: 'fill' });
    return source.chooseSplit(again, split, same).dataset;
  });
  terminal.answer(
    {
      run,
      data: name,
      split,
      weights: evaluation.weights,
      images: evaluation.images,
      ...evaluation.scores,
      ...(scored ? { score: scored.score, scoreIou: scored.iou } : {}),
      confusion: evaluation.confusion,
      classes: config.classes,
      device: backend.device,
    },
    facts([
      ...evaluationFacts(evaluation),
      ...(scored
        ? [
            [
              'score',
              `${formatNumber(scored.score)}, IoU ${formatPercent(scored.iou)} (BCE + Dice at ${SCORE_SIDE} x ${SCORE_SIDE}, batches of 16)`,
            ] as const,
          ]
        : []),
      ['images', `${evaluation.images} (${name}, ${source.splitTitle(split)})`],
      ['weights', from],
    ]),
  );
}
