import type { Command } from 'commander';
import { addFields, common, computeFields, count, type Fields, flag, real, text } from './fields.js';
import { action, type Context } from './run.js';
import { modelField, setupFields } from './train-fields.js';

const findLrFields = {
  ...setupFields,
  from: real('--from <rate>', 'first learning rate (default: 1e-6)', { above: 0 }),
  to: real('--to <rate>', 'last learning rate (default: 1)', { above: 0 }),
  steps: count('--steps <n>', 'updates between them (default: 100)', 10),
  out: text('--out <file.svg>', 'where the plot is written (default: find-lr.svg)'),
  ...computeFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

export function addFindLr(program: Command): void {
  const command = program
    .command('find-lr')
    .argument('[model]', modelField.help)
    .description('try growing learning rates for a few steps, plot the loss and suggest one; nothing is trained');
  addFields(command, findLrFields).action(action(findLrFields, { model: modelField }, run));
}

async function run({ values: given, terminal, interrupt, device }: Context): Promise<void> {
  const { modelOf, prepare, withRecipe } = await import('./setup.js');
  // Of a recipe only what find-lr has options for.
  const values = Object.fromEntries(
    Object.entries(withRecipe(given)).filter(([name]) => name in findLrFields || name === 'model'),
  );
  const model = modelOf(values, 'fovea find-lr lenet --data mnist');
  const out = (values.out as string | undefined) ?? 'find-lr.svg';
  const [{ findLr }, { lrChart }, { writeFileAtomic }, { facts }, { formatPlain }, { CommandError }] =
    await Promise.all([
      import('../train/findLr.js'),
      import('../report/lrChart.js'),
      import('../node/storage.js'),
      import('./terminal.js'),
      import('../report/format.js'),
      import('./errors.js'),
    ]);
  if (!/\.svg$/i.test(out)) throw new CommandError(`--out is ${out}: the plot is written as .svg`);
  const backend = await device();
  const { title, net, data, trainer, seed, batchSize } = await prepare(model, values, terminal);
  terminal.note(title);
  const found = await findLr(net, { ...trainer, backend }, data.train, {
    from: values.from as number | undefined,
    to: values.to as number | undefined,
    steps: values.steps as number | undefined,
    batchSize,
    accumulate: values.accumulate as number | undefined,
    seed,
    workers: values.workers as number | 'auto' | undefined,
    signal: interrupt.signal,
    onStep: (done, steps) => {
      if (done % 25 === 0) terminal.note(`${done}/${steps} steps`);
    },
  });
  const chart = await lrChart(found, `${title}: loss over learning rate`);
  await writeFileAtomic(out, chart.file);
  const { suggestion, lowest, diverged, points } = found;
  terminal.answer(
    { suggestion: suggestion ?? null, lowest, diverged, points, plot: out, device: backend.device },
    facts([
      [
        'suggestion',
        suggestion === undefined
          ? 'none: the loss never fell; try other rates with --from and --to, or look at the data'
          : `--lr ${formatPlain(suggestion)} (falls fastest, at most a tenth of the rate at the lowest loss)`,
      ],
      ['lowest loss at', formatPlain(lowest)],
      ['ended', diverged ? `at ${formatPlain(points.at(-1)!.lr)}, where the loss had grown` : 'at the last rate'],
      ['plot', out],
    ]),
  );
}
