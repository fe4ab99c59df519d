import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { CommandError, ExitCode } from './errors.js';
import { addFields, common, count, deviceFields, type Fields, flag, text } from './fields.js';
import { action, type Context } from './run.js';

/** Where it is looked for first, and how many ports after that are tried. */
const PORT = 7474;
const TRIES = 20;

const studioFields = {
  port: {
    ...count(
      '--port <n>',
      `port to listen on; 0 takes any that is free (default: ${PORT}, or the next that is free)`,
      0,
    ),
    expected: 'a whole number from 0 to 65535',
    schema: (z) => z.int().min(0).max(65535),
  },
  host: text(
    '--host <address>',
    'address to listen on (default: 127.0.0.1, this machine only; beyond it everybody may look, and needs the token to start anything)',
  ),
  runs: text('--runs <dir>', 'the folder that runs lie in (default: runs)'),
  open: flag('--no-open', 'open no browser'),
  token: text(
    '--token <text>',
    'ask for this token before anything is started or computed (default: made where needed)',
  ),
  ...deviceFields,
  ...common,
} satisfies Fields;

export function addStudio(program: Command): void {
  const command = program
    .command('studio')
    .description('open a page in the browser: watch runs learn, start them, look inside networks, try them')
    .addHelpText(
      'after',
      `
The page shows all runs of a folder, also those that are started in other terminals. Runs that are started from the page end, saved,
when the studio ends. docs/studio.md has all of it.

Examples:
  fovea studio
  fovea studio --runs experiments --port 8000 --no-open
  fovea studio --host 0.0.0.0        for other machines: open the address that it prints, with the token`,
    );
  addFields(command, studioFields).action(action(studioFields, {}, studio));
}

async function studio({ values, terminal, interrupt }: Context): Promise<void> {
  const [{ openStudio }, { isToken }, { isLoopback }, { openDevice }, { startDevice }, { sentenceOf }, { version }] =
    await Promise.all([
      import('../server/studio/index.js'),
      import('../server/studio/token.js'),
      import('../server/guard.js'),
      import('../node/device.js'),
      import('./device.js'),
      import('./errors.js'),
      import('./version.js'),
    ]);
  const host = (values.host as string | undefined) ?? '127.0.0.1';
  const port = values.port as number | undefined;
  const token = values.token as string | undefined;
  if (token !== undefined && !isToken(token))
    throw new CommandError('--token must have 8 to 200 letters, digits, - or _', ExitCode.usage);
  const root = (values.runs as string | undefined) ?? 'runs';
  // Before the first run there is no folder; one that was asked for by name must be there.
  if (values.runs === undefined) await mkdir(root, { recursive: true });
  // Opened to know what there is, and again when something is computed: until then its threads and memory are the trainings'.
  const opened = await startDevice(values, terminal);
  const { device } = opened;
  opened.dispose();
  const studio = await openStudio({
    ports: port === undefined ? Array.from({ length: TRIES }, (_, i) => PORT + i) : [port],
    host,
    root,
    token,
    page: fileURLToPath(new URL('../studio/', import.meta.url)),
    program: fileURLToPath(new URL('./main.js', import.meta.url)),
    version: version(),
    device,
    openBackend: async () =>
      (await openDevice({ device: values.device as 'auto', threads: values.threads as number })).backend,
    onError: (error) => terminal.warn(`a request failed: ${sentenceOf(error)}`),
  });
  const url = studio.token === undefined ? studio.url : `${studio.url}#token=${studio.token}`;
  if (!isLoopback(host))
    terminal.warn(
      `everybody who reaches ${host} may look at the runs; starting and computing needs the token in the address`,
    );
  terminal.answer(
    { url, port: studio.port, pid: process.pid, runs: root, ...(studio.token ? { token: studio.token } : {}), device },
    `the studio is open at ${url} (runs in ${root}); Ctrl-C ends it`,
  );
  if (values.open !== false && !terminal.json) openBrowser(url);
  await new Promise<void>((resolve) => {
    if (interrupt.happened) resolve();
    interrupt.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const { training } = studio;
  if (training > 0)
    terminal.note(
      `${training === 1 ? 'the run that was' : `the ${training} runs that were`} started from the page ${training === 1 ? 'stops and is' : 'stop and are'} saved; fovea train --resume goes on`,
    );
  await studio.close();
  terminal.note('ended');
}

/** Opens the address where there is a screen; who has none reads it. */
function openBrowser(url: string): void {
  const { platform, env } = process;
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return;
  const [program, ...args] =
    platform === 'darwin'
      ? ['open', url]
      : platform === 'win32'
        ? ['cmd', '/c', 'start', '""', url]
        : ['xdg-open', url];
  const child = spawn(program!, args, { stdio: 'ignore', detached: true });
  // The address is printed: nothing is lost.
  child.on('error', () => {});
  child.unref();
}
