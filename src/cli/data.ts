import type { Command } from 'commander';
import { addFields, channels, common, count, type Fields, flag, imageSize, text } from './fields.js';
import { action, type Context } from './run.js';

const showFields = {
  size: imageSize('--size <n>', 'height and width that images are scaled to'),
  channels: channels('--channels <n>', '1 (grey) or 3 (colour)'),
  seed: count('--seed <n>', 'of the split (default: 0)', 0),
  skipDamaged: flag('--skip-damaged', 'leave out images that cannot be read instead of failing'),
  ...common,
} satisfies Fields;

export function addData(program: Command): void {
  const data = program.command('data').description('list, fetch and look at data sets');
  addFields(data.command('list').description('the data sets that have a name'), common).action(
    action(common, {}, list),
  );
  const named = text('name', 'mnist, cifar10 or shapes');
  addFields(
    data
      .command('get')
      .argument('<name>', named.help)
      .description("fetch a data set into the user's cache, and check it"),
    common,
  ).action(action(common, { name: named }, get));
  const shown = text('data', 'a name, or a folder of class folders');
  addFields(
    data.command('show').argument('<data>', shown.help).description('count what is in a data set'),
    showFields,
  ).action(action(showFields, { data: shown }, show));
}

const words = async () => {
  const [{ table, facts }, { formatCount, formatPlain }] = await Promise.all([
    import('./terminal.js'),
    import('../report/format.js'),
  ]);
  return { table, facts, formatCount, formatPlain, megabytes: (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB` };
};

async function list({ terminal }: Context): Promise<void> {
  await (await import('./device.js')).announceDevice(terminal);
  const { listDatasets } = await import('../node/datasets.js');
  const { table, megabytes } = await words();
  const sets = await listDatasets();
  const state = (s: (typeof sets)[number]) =>
    s.bytes === 0
      ? 'made when asked for'
      : `${megabytes(s.bytes)}, ${s.available ? `in ${s.path}` : 'not fetched yet'}`;
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
  const { megabytes } = await words();
  const got = await getDataset(values.name as string, { onProgress: (message) => terminal.note(message) });
  terminal.answer(
    got,
    got.path === undefined
      ? `${got.name} is made when it is asked for: there is nothing to fetch`
      : `${got.name} ${got.cached ? 'is there already' : 'is fetched'}, ${megabytes(got.bytes)}, checked: ${got.path}`,
  );
}

async function show({ values, terminal }: Context): Promise<void> {
  await (await import('./device.js')).announceDevice(terminal);
  await import('../node/index.js');
  const { showDataset } = await import('../node/datasets.js');
  const { table, facts, formatCount, formatPlain } = await words();
  const report = await showDataset(values.data as string, {
    ...(values.size === undefined ? {} : { size: values.size as number | [number, number] }),
    ...(values.channels === undefined ? {} : { channels: values.channels as 1 | 3 }),
    ...(values.seed === undefined ? {} : { seed: values.seed as number }),
    ...(values.skipDamaged ? { strict: false } : {}),
    onProgress: (message) => terminal.note(message),
  });
  const parts = Object.entries(report.parts);
  const rows = report.classes.map((name, c) => [
    name,
    ...parts.map(([, part]) => (part.perClass ? formatCount(part.perClass[c]!) : '')),
  ]);
  const total = ['all', ...parts.map(([, part]) => formatCount(part.images))];
  const summary = facts([
    ['data', report.name],
    ['images', `${report.inputShape.join(' x ')}`],
    ['mean', report.normalize.mean.map(formatPlain).join(', ')],
    ['std', report.normalize.std.map(formatPlain).join(', ')],
    ...(report.skipped.length > 0 ? [['left out', formatCount(report.skipped.length)] as [string, string]] : []),
  ]);
  const columns = table([['class', ...parts.map(([name]) => name)], ...rows, total], {
    right: parts.map((_, i) => i + 1),
    indent: '  ',
  });
  terminal.answer(report, `${summary}\n\n${columns}`);
}
