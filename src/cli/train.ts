import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { CommandError, ExitCode, Interrupted, sentenceOf } from './errors.js';
import { addFields } from './fields.js';
import { action, type Context } from './run.js';
import { modelField, trainFields, withResume } from './train-fields.js';

export function addTrain(program: Command): void {
  const command = program
    .command('train')
    .argument('[model]', modelField.help)
    .description('train a network and write a run directory with weights, curves and a report')
    .addHelpText(
      'after',
      `
Examples:
  fovea train lenet --data mnist --epochs 10 --batch-size 64 --lr 0.01 --seed 1 --out runs/lenet
  fovea train ./my-net.js --data photos/ --size 64 --augment hflip,rotate:10
  fovea train unet --data photos/ --size 128 --epochs 50 --loss bce+dice --augment strong --out runs/people
  fovea train --recipe human-segmentation --data photos/train.csv --out runs/people
  fovea train --resume runs/lenet`,
    );
  addFields(command, trainFields);
  command.action(
    action(trainFields, { model: modelField }, async (context) => {
      await train(context);
    }),
  );
}

/** Trains as the options say and answers with the result. */
export async function train({ values: given, terminal, interrupt, device }: Context): Promise<void> {
  const { withRecipe } = await import('./setup.js');
  const values = given.resume === undefined ? withRecipe(given) : given;
  const resume = values.resume as string | undefined;
  const model = values.model as string | undefined;
  checkUsage(values, model, resume);
  const [
    { planNew, planResume },
    { TrainProgress },
    { Trainer, NonFiniteError },
    { Untouched },
    { sampleSheets },
    { predict, predictionLine },
    { showWhenDone, startProfile, trainingPart, wantsProfile },
  ] = await Promise.all([
    import('./plan.js'),
    import('./progress.js'),
    import('../train/index.js'),
    import('./untouched.js'),
    import('./looking.js'),
    import('./planner.js'),
    import('./profiling.js'),
  ]);
  const backend = await device();
  if (resume === undefined && values.dryRun !== true)
    checkOut(values.out as string | undefined, values.overwrite === true);
  const plan =
    resume === undefined
      ? await planNew(model!, values, backend, terminal)
      : await planResume(resume, values, backend, terminal);
  const dryRun = values.dryRun === true;
  const out = resume ?? (values.out as string | undefined) ?? freeDirectory(plan.title);
  terminal.note(dryRun ? plan.title : `${plan.title}, into ${out}`);
  const planned = await predict({ ...plan, fit: { ...plan.fit, out } }, dryRun ? 2 : 0.5, interrupt.signal);
  if (dryRun) {
    const parameters = plan.net.parameterCount();
    return terminal.answer({ ...planned, parameters, device: backend.device }, `predicted: ${predictionLine(planned)}`);
  }
  terminal.note(`predicted: ${predictionLine(planned)}`);
  const progress = await new TrainProgress(terminal, {
    logEvery: values.logEvery as number | undefined,
    predicted: planned.imagesPerSecond,
  }).prepare();
  const profiling = wantsProfile(values)
    ? await startProfile(values, backend, `${plan.title}, training step`, { part: trainingPart })
    : undefined;
  const trainer = new Trainer(plan.net, { ...plan.trainer, ...(profiling ? { backend: profiling.backend } : {}) });
  trainer.on(progress.listen);
  const profiled = profiling && showWhenDone(trainer, profiling, terminal);
  const log = await eventLog(out, values.log === 'tensorboard', resume !== undefined);
  if (log) trainer.on(log.listen);
  const live = await liveLog(out, planned.imagesPerSecond);
  trainer.on(live.listen);
  const closeLog = async () => {
    for (const l of [log, live]) await l?.close().catch((error: Error) => terminal.warn(error.message));
  };
  const untouched = resume === undefined ? new Untouched(out) : undefined;
  const afterEpoch = sampleSheets(trainer, plan.data.valid, {
    every: (values.samplesEvery as number | undefined) ?? 10,
    out,
    title: plan.title,
    resume: resume !== undefined,
  });
  interrupt.onFirst = () => terminal.say('finishing the step and saving; Ctrl-C again ends at once');
  try {
    const result = await trainer
      .fit(plan.data.train, {
        ...plan.fit,
        out,
        doctor: values.doctor !== 'off',
        signal: interrupt.signal,
        ...(afterEpoch ? { afterEpoch } : {}),
      })
      .catch(async (error) => {
        // The last losses before it are what one looks for.
        live.fail(sentenceOf(error));
        await closeLog();
        if (!(error instanceof NonFiniteError)) await untouched?.restore([log, live]);
        throw error;
      });
    progress.end();
    const profile = await profiled?.();
    await closeLog();
    if (result.reason === 'interrupted') return stopped(out, result, terminal, interrupt.exitCode);
    await trainer.dispose();
    interrupt.onFirst = () => terminal.say('ending; the training itself is done and saved');
    const { finishRun, runSummary } = await import('./finish.js');
    const finished = await finishRun(out, result, plan.data, backend, interrupt.signal, terminal);
    const { evaluation } = finished;
    // Named when the data was opened, and again where the run ends: what scrolled by is not read.
    const skipped = [...new Set([...plan.data.skipped, ...result.skipped])];
    terminal.answer(
      {
        run: out,
        reason: result.reason,
        epochs: result.history.length,
        best: result.best ?? null,
        [finished.split]: {
          images: evaluation.images,
          loss: evaluation.loss,
          ...evaluation.metrics,
        },
        seconds: result.seconds,
        predicted: planned,
        findings: progress.findings,
        ...(profile ? { profile } : {}),
        parameters: finished.config.parameters,
        device: finished.config.device,
        skipped,
        files: finished.files,
      },
      `\n${runSummary(out, result, finished)}`,
    );
    if (skipped.length > 0) {
      const { describeSkipped } = await import('../data/open.js');
      terminal.warn(`trained without what was left out: ${describeSkipped(skipped)}`);
    }
  } finally {
    progress.end();
    await trainer.dispose();
  }
}

/** Event files where they are asked for, or where a run that goes on has some. */
async function eventLog(out: string, asked: boolean, resume: boolean) {
  const [{ EventLog, hasEventFiles }, { openStorage }] = await Promise.all([
    import('../train/eventLog.js'),
    import('../train/storage.js'),
  ]);
  const storage = openStorage(out);
  return asked || (resume && (await hasEventFiles(storage))) ? new EventLog(storage) : undefined;
}

/** What a page follows, always. */
async function liveLog(out: string, predictedImagesPerSecond: number) {
  const [{ LiveLog }, { openStorage }, { hostname }] = await Promise.all([
    import('../train/liveLog.js'),
    import('../train/storage.js'),
    import('node:os'),
  ]);
  return new LiveLog(openStorage(out), { pid: process.pid, host: hostname(), predictedImagesPerSecond });
}

function stopped(
  out: string,
  result: import('../train/events.js').FitResult,
  terminal: Context['terminal'],
  exitCode: number,
): never {
  const how = `go on with: fovea train --resume ${out}`;
  if (terminal.json)
    terminal.answer({ run: out, reason: result.reason, epochs: result.history.length, best: result.best ?? null }, '');
  throw new Interrupted(`interrupted; everything is saved in ${out}, ${how}`, exitCode);
}

function checkUsage(
  values: Readonly<Record<string, unknown>>,
  model: string | undefined,
  resume: string | undefined,
): void {
  if (resume === undefined) {
    if (model === undefined)
      throw new CommandError('which network? for example: fovea train lenet --data mnist', ExitCode.usage);
    return;
  }
  if (model !== undefined)
    throw new CommandError(`--resume takes the network from the run: leave out "${model}"`, ExitCode.usage);
  const changed = Object.keys(values).find((name) => !withResume.includes(name) && values[name] !== undefined);
  if (changed === undefined) return;
  const flags = trainFields[changed as keyof typeof trainFields].flags.split(' ')[0];
  throw new CommandError(`${flags} cannot change when a run goes on: start another run with it`, ExitCode.usage);
}

/** Before a data set is fetched; the Trainer checks again. */
function checkOut(out: string | undefined, overwrite: boolean): void {
  if (out === undefined || overwrite) return;
  if (existsSync(`${out}/config.json`) || existsSync(`${out}/last.safetensors`))
    throw new CommandError(
      `${out} already holds a run: go on with --resume ${out}, replace it with --overwrite, or choose another --out`,
    );
}

/** `runs/lenet-mnist`, or with a number if that is taken. */
function freeDirectory(title: string): string {
  const base = `runs/${title.replace(' on ', '-').replaceAll(/[^\w.-]+/g, '-')}`;
  for (let n = 1; ; n++) {
    const candidate = n === 1 ? base : `${base}-${n}`;
    if (!existsSync(candidate)) return candidate;
  }
}
