import type { Command } from 'commander';
import { addFields, choice, common, computeFields, count, type Fields, flag, inputShape, spec } from './fields.js';
import { action, type Context } from './run.js';
import { modelField, profileFields } from './train-fields.js';

const benchFields = {
  input: inputShape,
  batch: count('--batch <n>', 'images at once (default: 8)'),
  mode: choice('--mode <what>', 'train (forward, loss, backward, update) or infer (default: train)', [
    'train',
    'infer',
  ]),
  repeats: count('--repeats <n>', 'timed runs (default: as many as fit into two seconds, from 5 to 100)'),
  classes: count('--classes <n>', "outputs of the network (default: the network's own)"),
  loss: spec('--loss <name>', 'of the training step (default: cross-entropy; masks of one channel: bce)'),
  optimizer: spec('--optimizer <name>', 'of the training step (default: sgd:momentum=0.9)'),
  ...profileFields,
  depth: count('--depth <n>', 'profile: put layers together below this many parts of their names'),
  ...computeFields,
  quiet: flag('--quiet', 'print the result only'),
  ...common,
} satisfies Fields;

export function addBench(program: Command): void {
  const command = program
    .command('bench')
    .argument('<model>', modelField.help)
    .description('time a training step or inference of a network, on random images, and show where the time goes')
    .addHelpText(
      'after',
      `
Examples:
  fovea bench vgg16 --batch 4
  fovea bench unet --input 3x128x128 --batch 4 --mode infer --json
  fovea bench googlenet --profile --depth 1 --trace googlenet.json`,
    );
  addFields(command, benchFields).action(action(benchFields, { model: modelField }, bench));
}

async function bench({ values, terminal, interrupt, device }: Context): Promise<void> {
  const mode = (values.mode as 'train' | 'infer' | undefined) ?? 'train';
  const batch = (values.batch as number | undefined) ?? 8;
  const [{ untrainedNetwork }, { timeWorkload, workloadFacts }, { startProfile, wantsProfile }, { facts }] =
    await Promise.all([
      import('./network.js'),
      import('./time-workload.js'),
      import('./profiling.js'),
      import('./terminal.js'),
    ]);
  const { net, name, inputShape } = await untrainedNetwork(
    values.model as string,
    values.input as [number, number, number] | undefined,
    values.classes as number | undefined,
  );
  const backend = await device();
  const about = {
    model: name,
    input: inputShape,
    batch,
    mode,
    exact: values.exact === true,
    tune: values.tune === true,
  } as const;
  const title = `${name}, ${inputShape.join('x')}, batch ${batch}, ${mode === 'train' ? 'training step' : 'inference'}`;
  const profiling = wantsProfile(values)
    ? await startProfile(values, backend, title, {
        warmUp: 0,
        paused: true,
        part: (program) => (/^(train|predict) /.test(program) ? 'step' : undefined),
      })
    : undefined;
  const timed = await timeWorkload(net, backend, about, values, interrupt.signal, profiling);
  const profiled = await profiling?.finish();
  terminal.answer(
    {
      ...about,
      threads: backend.device.threads,
      ...timed,
      ...(profiled ? { profile: profiled.profile } : {}),
      ...(profiled?.trace === undefined ? {} : { trace: profiled.trace }),
      device: backend.device,
    },
    [facts(workloadFacts(title, about, timed)), ...(profiled ? ['', profiled.text] : [])].join('\n'),
  );
}
