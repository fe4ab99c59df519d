import { existsSync, readdirSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { dataFields } from './data-fields.js';
import { CommandError, ExitCode, Interrupted } from './errors.js';
import { addFields, common, computeFields, count, type Field, type Fields, flag, text } from './fields.js';
import type { Values } from './options.js';
import type { RaceFile } from './race-file.js';
import { action, type Context } from './run.js';
import { setupFields, trainFields } from './train-fields.js';

/** Options of training that all contestants share unless they vary. */
const sharedFields = (() => {
  const { recipe: _, data: __, seed: ___, ...setup } = setupFields;
  const { scheduler, warmup, ema, metrics, monitor, earlyStopping } = trainFields;
  return { ...setup, scheduler, warmup, ema, metrics, monitor, earlyStopping } satisfies Fields;
})();

/** What may vary: not what decides which images there are, or contestants would be measured on different ones. */
const varyingFields: Fields = Object.fromEntries(
  Object.entries(sharedFields).filter(([name]) => name !== 'images' && !Object.hasOwn(dataFields, name)),
);

/** What a race keeps of its options: all that its runs depend on. */
const keptFields: readonly string[] = ['data', 'exact', 'tune', ...Object.keys(sharedFields)];

const budgetField: Field = {
  flags: '--budget <time>',
  help: 'training time of each run: 90s, 10m, 1.5h',
  expected: 'a time such as 90s, 10m or 1.5h',
  parse: (value) => {
    const [, amount, unit = 's'] = /^\s*(\d+\.?\d*)\s*(s|m|min|h)?\s*$/.exec(value) ?? [];
    if (amount === undefined || Number(amount) === 0) throw new InvalidArgumentError('Expected a time such as 10m.');
    return Number(amount) * (unit === 'h' ? 3600 : unit.startsWith('m') ? 60 : 1);
  },
  schema: (z) => z.number().gt(0),
};

const varyField: Field = {
  flags: '--vary <option=values>',
  help: 'let an option take several values: loss=bce+dice,focal+dice; may be repeated (; between values with commas)',
  expected: 'an option and its values, such as lr=0.01,0.1',
  parse: (value, before) => [...((before as string[] | undefined) ?? []), value],
  schema: (z) => z.array(z.string().min(1)),
};

export const raceFields = {
  data: setupFields.data,
  budget: budgetField,
  epochs: count('--epochs <n>', 'the same number of epochs for all, instead of the same time'),
  seeds: count('--seeds <n>', 'runs of each contestant, with the seeds from --seed on (default: 2)'),
  seed: count('--seed <n>', 'the first seed (default: 1)', 0),
  vary: varyField,
  out: text('--out <dir>', 'where the race is kept: a run directory for each contestant and seed, and the report'),
  resume: flag('--resume', 'go on with the race that --out holds'),
  ...sharedFields,
  ...computeFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

const modelsField: Field = {
  flags: 'models',
  help: 'networks by name (with options: unet:bilinear=true), or files with ones of your own',
  expected: 'names of networks',
  schema: (z) => z.array(z.string().min(1)),
};

export function addRace(program: Command): void {
  const command = program
    .command('race')
    .argument('[models...]', modelsField.help)
    .description('train networks, losses or options against each other, fairly, and report what can be concluded')
    .addHelpText(
      'after',
      `
Examples:
  fovea race vgg11 vgg13 vgg16 vgg19 --data cifar10 --budget 10m --out runs/vggs
  fovea race unet --data photos/ --epochs 50 --vary loss=bce+dice,focal+dice --seeds 3 --out runs/losses
  fovea race --out runs/vggs --resume`,
    );
  addFields(command, raceFields).action(action(raceFields, { models: modelsField }, race));
}

async function race({ values, terminal, interrupt, device }: Context): Promise<void> {
  const out = values.out as string | undefined;
  if (out === undefined)
    throw new CommandError('where is the race to be kept? for example: --out runs/race', ExitCode.usage);
  const [file, { RaceRunner }, { RaceTable }, { nextRun }] = await Promise.all([
    import('./race-file.js'),
    import('./race-runs.js'),
    import('./race-table.js'),
    import('../race/contestants.js'),
  ]);
  const resume = values.resume === true;
  const found = resume ? await file.readRace(out) : undefined;
  const asked = await fromCommandLine(values, found);
  if (!resume) checkOut(out, file.holdsRace(out));
  const backend = await device();
  if (found && (found.device.backend !== backend.device.backend || found.device.threads !== backend.device.threads))
    throw new CommandError(
      `the race ran on ${found.device.backend} with ${found.device.threads} threads, which this is not: go on with --device ${found.device.backend} --threads ${found.device.threads}`,
    );
  const runner = new RaceRunner(out, backend, terminal, interrupt.signal);
  let planned = found;
  if (!planned) {
    await runner.check(asked);
    const costs: Record<string, Awaited<ReturnType<typeof runner.cost>>> = {};
    for (const contestant of asked.contestants) costs[contestant.directory] = await runner.cost(asked, contestant);
    planned = { ...asked, device: backend.device, costs };
    await file.writeRace(out, planned);
  }
  const runs = await runner.runs(planned);
  const { contestants, seeds, budget, epochs } = planned;
  const length = budget === undefined ? `${epochs} epochs` : `${budget} s of training`;
  terminal.note(`${contestants.length} contestants, ${seeds.length} seeds, ${length} for each run, into ${out}`);
  interrupt.onFirst = () => terminal.say('finishing the step and saving; Ctrl-C again ends at once');
  const live = new RaceTable(planned, runs, terminal);
  const slice = Math.min(60, Math.max(1, (budget ?? 300) / 5));
  try {
    for (let run = nextRun(runs); run && !interrupt.happened; run = nextRun(runs)) {
      const active = run;
      await runner.train(planned, active, slice, (event) => {
        if (event.type === 'warning') terminal.warn(`${active.contestant.name} seed ${active.seed}: ${event.message}`);
        if (event.type === 'step') live.update(active);
      });
      if (!interrupt.happened) live.note(active);
    }
  } catch (error) {
    // Measuring gives way where it is told to; what it would have said is said when the race goes on.
    if (!interrupt.happened) throw error;
  } finally {
    live.end();
  }
  if (interrupt.happened)
    throw new Interrupted(
      `interrupted; everything is saved in ${out}, go on with: fovea race --out ${out} --resume`,
      interrupt.exitCode,
    );
  const { finishRace } = await import('./race-report.js');
  const { answer, words } = await finishRace(out, planned, runs, backend);
  terminal.answer(answer, words);
}

/** What the command line asks for; beside `--resume` it may be left out, and must be the same where it is not. */
async function fromCommandLine(
  values: Values,
  found: RaceFile | undefined,
): Promise<Omit<RaceFile, 'costs' | 'device'>> {
  const { contestantsOf } = await import('./race-file.js');
  const models = (values.models as string[] | undefined) ?? [];
  const vary = (values.vary as string[] | undefined) ?? [];
  const usage = (sentence: string) => new CommandError(sentence, ExitCode.usage);
  const known = Object.entries(values).filter(([n]) => keptFields.includes(n));
  const [budget, epochs] = [values.budget as number | undefined, values.epochs as number | undefined];
  if (found) {
    const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
    const changed =
      known.find(([n, v]) => !same(v, found.options[n]))?.[0] ??
      (budget !== undefined && budget !== found.budget ? 'budget' : undefined) ??
      (epochs !== undefined && epochs !== found.epochs ? 'epochs' : undefined) ??
      (values.seeds !== undefined && values.seeds !== found.seeds.length ? 'seeds' : undefined) ??
      (values.seed !== undefined && values.seed !== found.seeds[0] ? 'seed' : undefined) ??
      (models.length > 0 && !same(await contestantsOf(models, vary, varyingFields), found.contestants)
        ? 'contestants'
        : undefined);
    if (changed) throw usage(`the ${changed} of a race cannot change when it goes on: start another race with it`);
    return found;
  }
  if (models.length === 0)
    throw usage('which networks? for example: fovea race vgg11 vgg13 --data cifar10 --budget 10m --out runs/vggs');
  if ((budget === undefined) === (epochs === undefined))
    throw usage('how long is the race? give --budget (time for each run) or --epochs, one of them');
  const { seeds = 2, seed = 1 } = values as { seeds?: number; seed?: number };
  return {
    format: 1,
    contestants: await contestantsOf(models, vary, varyingFields),
    options: Object.fromEntries(known.filter(([, v]) => v !== undefined)),
    ...(budget === undefined ? {} : { budget }),
    ...(epochs === undefined ? {} : { epochs }),
    seeds: Array.from({ length: seeds }, (_, i) => seed + i),
  };
}

function checkOut(out: string, holdsRace: boolean): void {
  if (holdsRace) throw new CommandError(`${out} already holds a race: go on with --resume, or choose another --out`);
  if (existsSync(out) && readdirSync(out).length > 0)
    throw new CommandError(`${out} is not empty: choose another --out for the race`);
}
