import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { addFields, common, type Fields, text } from './fields.js';
import { action, type Context } from './run.js';

const directoryField = text('dir', 'where to look (default: runs)');

export function addRuns(program: Command): void {
  const command = program
    .command('runs')
    .argument('[dir]', directoryField.help)
    .description('list runs: network, data, epochs, best value, state');
  const fields = { ...common } satisfies Fields;
  addFields(command, fields).action(action(fields, { dir: directoryField }, runs));
}

async function runs({ values, terminal }: Context): Promise<void> {
  const { announceDevice } = await import('./device.js');
  await announceDevice(terminal);
  const [{ listRuns }, { table }, { formatNumber, formatPercent }] = await Promise.all([
    import('./run-list.js'),
    import('./terminal.js'),
    import('../report/format.js'),
  ]);
  const directory = (values.dir as string | undefined) ?? 'runs';
  // Before the first run there is no directory; one that was asked for by name must be there.
  const found = values.dir === undefined && !existsSync(directory) ? [] : await listRuns(directory);
  const rows = found.map((r) => [
    r.run,
    r.model,
    r.data ?? '',
    `${r.epochs}/${r.planned}`,
    r.best ? `${r.best.monitor} ${formatNumber(r.best.value)} (epoch ${r.best.epoch})` : '',
    r.accuracy === null ? '' : formatPercent(r.accuracy),
    r.reason ? `${r.state}: ${r.reason}` : r.state,
  ]);
  const head = ['run', 'network', 'data', 'epochs', 'best', 'accuracy', 'state'];
  terminal.answer(
    { directory, runs: found },
    found.length > 0 ? table([head, ...rows], { right: [3, 5] }) : `there are no runs in ${directory}`,
  );
}
