import type { Command } from 'commander';
import { addFields, common, count, type Fields, flag } from './fields.js';
import { action, type Context } from './run.js';

const doctorFields = {
  threads: count('--threads <n>', 'threads to measure with (default: all cores)'),
  build: flag(
    '--build',
    'first compile the native engine for this machine: needs a C++ compiler, and oneDNN with its headers',
  ),
  ...common,
} satisfies Fields;

export function addDoctor(program: Command): void {
  const command = program.command('doctor').description('what this machine has, how fast it is, and what is missing');
  addFields(command, doctorFields).action(action(doctorFields, {}, doctor));
}

async function doctor({ values, terminal, device }: Context): Promise<void> {
  if (values.build === true) await build();
  await device();
  const [{ examine }, { facts, style }] = await Promise.all([import('./examine.js'), import('./terminal.js')]);
  const found = await examine(values.threads as number | undefined);
  const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const rows: [string, string][] = [
    ['fovea', `${found.fovea} on Node ${found.node}, ${found.platform}`],
    ['processor', found.cpu.model],
    [
      'cores',
      `${found.cpu.cores}${found.cpu.available < found.cpu.cores ? ` (${found.cpu.available} for this process)` : ''}`,
    ],
    ['features', found.cpu.features.join(' ') || 'unknown'],
    ['memory', `${gigabytes(found.memory.total)}, ${gigabytes(found.memory.available)} free`],
    [
      'native engine',
      found.native.built
        ? `${found.native.prebuilt ? 'prebuilt' : 'built here'}, uses ${found.native.isa}`
        : `not there: ${found.native.problem}`,
    ],
    ['oneDNN', found.native.onednn ?? 'unknown'],
    [
      '3x3 convolution',
      found.gflops === null
        ? 'not measured (needs the native engine)'
        : `${found.gflops.toFixed(1)} GFLOP/s (64 channels, fp32)`,
    ],
    ['cache', `${found.cache.directory}${found.cache.writable ? '' : ' (cannot be written)'}`],
  ];
  const advice =
    found.advice.length === 0
      ? style('green', 'Nothing is missing.')
      : found.advice.map((a) => `${style('yellow', 'to do:')} ${a}`).join('\n');
  terminal.answer(found, `${facts(rows)}\n\n${advice}`);
}

/** Runs the script that compiles the engine; it says itself what is missing. */
async function build(): Promise<void> {
  const [{ spawn }, { join }, { packageRoot }, { CommandError }] = await Promise.all([
    import('node:child_process'),
    import('node:path'),
    import('../backends/native/addon.js'),
    import('./errors.js'),
  ]);
  const script = join(packageRoot(), 'scripts/build-native.mjs');
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 2, 2] });
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new CommandError('the native engine was not built: what is missing is said above');
}
