import type { Command } from 'commander';
import type { OpenDataOptions } from '../data/open.js';
import type { DatasetReport, PartReport } from '../node/datasets.js';
import { dataFields, dataOptions } from './data-fields.js';
import { addFields, channels, common, count, type Fields, imageSize, several, text } from './fields.js';
import { action, type Context } from './run.js';

const showFields = {
  size: imageSize('--size <n>', 'height and width that images are scaled to'),
  channels: channels('--channels <n>', '1 (grey) or 3 (colour)'),
  seed: count('--seed <n>', 'of the split and of augmentation (default: 0)', 0),
  ...dataFields,
  augment: several(
    '--augment <list>',
    'show what this does: light, strong, hflip,rotate:15,scale:0.2,elastic,jitter:0.2,copypaste:0.5,cutmix:0.5',
  ),
  out: text('--out <file>', 'write a sheet of images, masks and augmented versions as a PNG'),
  samples: count('--samples <n>', 'images of the sheet (default: 8)'),
  ...common,
} satisfies Fields;

export function addData(program: Command): void {
  const data = program.command('data').description('list, fetch and look at data sets');
  addFields(data.command('list').description('the data sets that have a name'), common).action(
    action(common, {}, list),
  );
  const named = text('name', 'mnist, cifar10, shapes, cells or shapes-seg');
  addFields(
    data
      .command('get')
      .argument('<name>', named.help)
      .description("fetch a data set into the user's cache, and check it"),
    common,
  ).action(action(common, { name: named }, get));
  const shown = text('data', 'a name, a folder of class folders or of images and masks, or a CSV of images and masks');
  addFields(
    data.command('show').argument('<data>', shown.help).description('count what is in a data set, and look at it'),
    showFields,
  ).action(action(showFields, { data: shown }, show));
}

const words = async () => {
  const [{ table, facts }, { formatBytes, formatCount, formatPlain }] = await Promise.all([
    import('./terminal.js'),
    import('../report/format.js'),
  ]);
  return { table, facts, formatBytes, formatCount, formatPlain };
};

async function list({ terminal }: Context): Promise<void> {
  await (await import('./device.js')).announceDevice(terminal);
  const { listDatasets } = await import('../node/datasets.js');
  const { table, formatBytes } = await words();
  const sets = await listDatasets();
  const state = (s: (typeof sets)[number]) =>
    s.bytes === 0
      ? 'made when asked for'
      : `${formatBytes(s.bytes)}, ${s.available ? `in ${s.path}` : 'not fetched yet'}`;
  terminal.answer(
    { datasets: sets },
    table(
      sets.flatMap((s) => [
        [s.name, s.title],
        ['', s.images],
        ['', `${s.source}, ${state(s)}`],
      ]),
    ),
  );
}

async function get({ values, terminal }: Context): Promise<void> {
  await (await import('./device.js')).announceDevice(terminal);
  const { getDataset } = await import('../node/datasets.js');
  const { formatBytes } = await words();
  const got = await getDataset(values.name as string, { onProgress: (message) => terminal.note(message) });
  terminal.answer(
    got,
    got.path === undefined
      ? `${got.name} is made when it is asked for: there is nothing to fetch`
      : `${got.name} ${got.cached ? 'is there already' : 'is fetched'}, ${formatBytes(got.bytes)}, checked: ${got.path}`,
  );
}

async function show({ values, terminal }: Context): Promise<void> {
  await (await import('./device.js')).announceDevice(terminal);
  const out = values.out as string | undefined;
  if (out !== undefined && !/\.png$/i.test(out))
    throw new Error(`--out is ${out}; the sheet is a PNG, call it sheet.png`);
  const [{ openWith }, { describeDataset }] = await Promise.all([
    import('./data-source.js'),
    import('../node/datasets.js'),
  ]);
  const augment = values.augment as OpenDataOptions['augment'];
  const seed = (values.seed as number | undefined) ?? 0;
  const data = await openWith(terminal, values.data as string, {
    size: values.size as OpenDataOptions['size'],
    channels: values.channels as 1 | 3 | undefined,
    seed,
    augment,
    ...dataOptions(values),
  });
  const report = await describeDataset(data);
  if (out !== undefined) {
    const [{ dataSheet }, { writeFileAtomic }] = await Promise.all([
      import('./data-sheet.js'),
      import('../node/storage.js'),
    ]);
    const samples = (values.samples as number | undefined) ?? 8;
    await writeFileAtomic(out, await dataSheet(data, { samples, seed, augment }));
  }
  terminal.answer({ ...report, ...(out === undefined ? {} : { sheet: out }) }, await inWords(report, out));
}

async function inWords(report: DatasetReport, sheet: string | undefined): Promise<string> {
  const { table, facts, formatCount, formatPlain } = await words();
  const { formatPercent } = await import('../report/format.js');
  const parts = Object.entries(report.parts);
  const cell = (part: PartReport, c: number) => {
    if (part.perClass) return formatCount(part.perClass[c]!);
    if (!part.pixelShare) return '';
    return `${formatPercent(part.pixelShare[c]!, 1)} in ${formatCount(part.masksWith![c]!)}`;
  };
  const rows = report.classes.map((name, c) => [name, ...parts.map(([, part]) => cell(part, c))]);
  const total = ['all', ...parts.map(([, part]) => formatCount(part.images))];
  const summary = facts([
    ['data', report.name],
    ['images', `${report.inputShape.join(' x ')}${report.task === 'segmentation' ? ', each with a mask' : ''}`],
    ['mean', report.normalize.mean.map(formatPlain).join(', ')],
    ['std', report.normalize.std.map(formatPlain).join(', ')],
    ...(report.ignoreIndex === undefined ? [] : [['ignored', `pixels of the number ${report.ignoreIndex}`] as const]),
    ...(report.skipped.length > 0 ? [['left out', formatCount(report.skipped.length)] as const] : []),
    ...(sheet === undefined ? [] : [['sheet', sheet] as const]),
  ]);
  const columns = table([['class', ...parts.map(([name]) => name)], ...rows, total], {
    right: parts.map((_, i) => i + 1),
    indent: '  ',
  });
  return `${summary}\n\n${columns}`;
}
