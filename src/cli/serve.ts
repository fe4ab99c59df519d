import { type Command, InvalidArgumentError } from 'commander';
import {
  addFields,
  common,
  computeFields,
  convolutionsFor,
  count,
  type Field,
  type Fields,
  real,
  text,
  weightsField,
} from './fields.js';
import { action, type Context } from './run.js';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9 };

/** A count with a unit: `20mb`, `25m`. */
const amount = (flags: string, help: string, unit: string, range: { min: number; max: number }): Field => ({
  flags,
  help,
  expected: `a number of ${unit} from ${range.min} to ${range.max}, such as ${range.max} or ${range.max / 1e6}m`,
  parse: (typed) => {
    const [, digits, letter] = /^([\d.]+)\s*([kmg]?)(?:b|p|px)?$/i.exec(typed.trim()) ?? [];
    if (digits === undefined)
      throw new InvalidArgumentError('Expected a number, with k, m or g behind it if you like.');
    return Math.round(Number(digits) * UNITS[letter!.toLowerCase()]!);
  },
  schema: (z) => z.int().min(range.min).max(range.max),
});

const serveFields = {
  port: {
    ...count('--port <n>', 'port to listen on; 0 takes any that is free (default: 8080)', 0),
    expected: 'a whole number from 0 to 65535',
    schema: (z) => z.int().min(0).max(65535),
  },
  host: text(
    '--host <address>',
    'address to listen on (default: 127.0.0.1, this machine only; 0.0.0.0: everybody who reaches it)',
  ),
  maxBody: amount('--max-body <size>', 'largest body of a request, such as 20mb (default: 20mb)', 'bytes', {
    min: 1000,
    max: 1e9,
  }),
  maxPixels: amount('--max-pixels <n>', 'most pixels of an image, such as 25m (default: 25m)', 'pixels', {
    min: 100,
    max: 2 ** 27,
  }),
  queue: count('--queue <n>', 'requests at once; more are told to come back later (default: 64)'),
  timeout: real('--timeout <s>', 'seconds that a body may take to arrive, and the answer after it (default: 30)', {
    min: 0.1,
  }),
  batch: count('--batch <n>', 'images that go through the network together at most (default: 4)'),
  weights: weightsField,
  ...computeFields,
  ...common,
} satisfies Fields;

const runField = text('run', 'a run directory, a file of weights, or a network by name with --weights');

export function addServe(program: Command): void {
  const command = program
    .command('serve')
    .argument('<run>', runField.help)
    .description('answer over HTTP what a trained network sees in images')
    .addHelpText(
      'after',
      `
POST an image to /predict: JSON with the likeliest classes, or for photos a mask, overlay or cut-out (?as=...). GET / shows how.
There is no password: whoever reaches the address may ask. docs/serving.md has all of it.

Examples:
  fovea serve runs/lenet --port 8080
  curl -F image=@digit.png localhost:8080/predict
  fovea serve runs/people --max-pixels 50m --batch 4
  curl --data-binary @me.jpg -H 'Content-Type: image/jpeg' 'localhost:8080/predict?as=cutout' > cut.png`,
    );
  addFields(command, serveFields).action(action(serveFields, { run: runField }, serve));
}

async function serve({ values, terminal, interrupt, device }: Context): Promise<void> {
  const run = values.run as string;
  const [
    { serveModel },
    { isLoopback },
    { openTrained },
    { fitOf },
    { networkTitle },
    { objectiveOf },
    { compileOptions },
    { version },
  ] = await Promise.all([
    import('../server/serve.js'),
    import('../server/guard.js'),
    import('./trained.js'),
    import('./data-source.js'),
    import('./network.js'),
    import('../train/load.js'),
    import('../train/choices.js'),
    import('./version.js'),
  ]);
  const { sentenceOf } = await import('./errors.js');
  const backend = await device();
  const { config, net, from } = await openTrained(run, values.weights as string | undefined, terminal);
  const how = { ...objectiveOf(config), ...convolutionsFor(values) };
  const number = (name: string, usual: number) => (values[name] as number | undefined) ?? usual;
  const host = (values.host as string | undefined) ?? '127.0.0.1';
  const name = networkTitle(config, net);
  const serving = await serveModel({
    config,
    net,
    backend,
    how: compileOptions(how, (message) => terminal.warn(message)),
    fit: fitOf(config),
    port: number('port', 8080),
    host,
    title: `${name} (${from})`,
    version: version(),
    maxBytes: number('maxBody', 20e6),
    maxPixels: number('maxPixels', 25e6),
    maxBatch: number('batch', 4),
    queue: number('queue', 64),
    timeout: number('timeout', 30),
    onError: (error) => terminal.warn(`a request failed: ${sentenceOf(error)}`),
  });
  const { task, session } = serving.model;
  if (!isLoopback(host))
    terminal.warn(`everybody who reaches ${host} may ask: put a proxy with a password before it if that is too many`);
  terminal.answer(
    {
      url: serving.url,
      port: serving.port,
      pid: process.pid,
      run,
      weights: from,
      task,
      classes: config.classes,
      device: backend.device,
    },
    `serving ${name} on ${serving.url} (${task}; batches of up to ${number('batch', 4)}, ${(session.kept.bytes / 2 ** 20).toFixed(0)} MiB at most beside the weights); Ctrl-C ends it`,
  );
  await new Promise<void>((resolve) => {
    if (interrupt.happened) resolve();
    interrupt.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  terminal.note('finishing the requests that are being answered');
  await serving.close();
  terminal.note('ended');
}
